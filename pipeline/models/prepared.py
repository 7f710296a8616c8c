"""A loaded pipeline made ready to draw: where its weights are, how it decodes, how it attends."""

from __future__ import annotations

from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.study.schema import Compute


def refuse_offload(compute: Compute, device: str) -> None:
    """Refuse to keep weights on the host where there is nothing else.

    Raises:
        ModelError: a sentence.
    """
    if compute.offload != "none" and device == "cpu":
        raise ModelError(
            f"compute.offload: {compute.offload} keeps weights out of a GPU's memory, and the device here is the CPU. Use none."
        )


def placed(pipe: Any, compute: Compute, device: str) -> Any:
    """The pipeline on its device, or on the host in so far as the study wants it."""
    if compute.offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif compute.offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe = pipe.to(device)
    return pipe


def set_autoencoder(pipe: Any, compute: Compute) -> None:
    """Set how latents become pictures.

    Raises:
        ModelError: the autoencoder cannot.
    """
    import torch

    wanted, vae = compute.vae, pipe.components.get("vae")
    if vae is None:
        return
    if wanted.dtype is not None:
        vae.to(getattr(torch, wanted.dtype))
    for key, on in (("tiling", wanted.tiling), ("slicing", wanted.slicing)):
        if on:
            try:
                getattr(vae, f"enable_{key}")()
            except (AttributeError, NotImplementedError):
                raise ModelError(f"compute.vae.{key}: a {type(vae).__name__} cannot do that. Remove the key.") from None


def set_attention(pipe: Any, part: str, compute: Compute) -> None:
    """Set with which library the network attends.

    diffusers sets it for all networks of a process; here it is set for this one.

    Raises:
        ModelError: the network attends by torch alone, there is no such backend, or its library is missing.
    """
    if compute.attention is None:
        return
    from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend

    network, known = pipe.components[part], [each.value for each in AttentionBackendName]
    offered = [name for name in known if not name.endswith("_hub")]
    if compute.attention not in offered:
        why = "fetches code from the hub and runs it" if compute.attention in known else "is none of diffusers'"
        raise ModelError(f"compute.attention: {compute.attention} {why}; there are {', '.join(offered)}.")
    processors = [getattr(module, "processor", None) for module in network.modules()]
    if not any(hasattr(processor, "_attention_backend") for processor in processors):
        raise ModelError(f"compute.attention: a {type(network).__name__} attends by torch alone. Remove the key.")
    try:
        with attention_backend(AttentionBackendName.NATIVE):  # on leaving, the process has again what it had
            network.set_attention_backend(compute.attention)
    except (RuntimeError, ValueError, ImportError) as error:
        raise ModelError(f"compute.attention: {compute.attention} does not work here: {error}") from error
