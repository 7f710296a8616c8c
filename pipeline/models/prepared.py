"""A loaded pipeline made ready to draw: where its weights are, and how it decodes."""

from __future__ import annotations

from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.study.compute import VaeCompute
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
    decode_in_parts(vae, wanted)


def decode_in_parts(vae: Any, wanted: VaeCompute) -> None:
    """Let an autoencoder decode in tiles, or one picture at a time, as far as the study wants it.

    Raises:
        ModelError: it cannot.
    """
    for key, on in (("tiling", wanted.tiling), ("slicing", wanted.slicing)):
        if on:
            try:
                getattr(vae, f"enable_{key}")()
            except (AttributeError, NotImplementedError):
                raise ModelError(f"compute.vae.{key}: a {type(vae).__name__} cannot do that. Remove the key.") from None
