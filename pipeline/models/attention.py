"""With what a network attends: torch's own attention, or another backend of diffusers."""

from __future__ import annotations

from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.study.schema import Compute

OWN = "native"
"""What diffusers calls torch's own attention."""


def set_attention(pipe: Any, part: str, compute: Compute) -> None:
    """Set with which library the network attends: where the study says nothing, with torch, whatever the process attends with.

    diffusers sets it for all networks of a process; here it is set for this one.

    Raises:
        ModelError: as of `refuse_attention`, or its library is missing.
    """
    from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend

    network = pipe.components[part]
    if compute.attention is None and attends_with(network) in (None, (OWN,)):
        return
    wanted = compute.attention or OWN
    refuse_attention(network, wanted)
    try:
        with attention_backend(AttentionBackendName.NATIVE):  # on leaving, the process has again what it had
            network.set_attention_backend(wanted)
    except (RuntimeError, ValueError, ImportError) as error:
        raise ModelError(f"compute.attention: {wanted} does not work here: {error}") from error


def refuse_attention(network: Any, wanted: str) -> None:
    """Refuse a backend that no machine has for a network.

    Raises:
        ModelError: there is no such backend, it is code from the hub, or the network attends by torch alone.
    """
    from diffusers.models.attention_dispatch import AttentionBackendName

    known = [each.value for each in AttentionBackendName]
    offered = [name for name in known if not name.endswith("_hub")]
    if wanted not in offered:
        why = "fetches code from the hub and runs it" if wanted in known else "is none of diffusers'"
        raise ModelError(f"compute.attention: {wanted} {why}; there are {', '.join(offered)}.")
    if attends_with(network) is None:
        raise ModelError(f"compute.attention: a {type(network).__name__} attends by torch alone. Remove the key.")


def attends_with(network: Any) -> tuple[str, ...] | None:
    """Names of the backends with which the layers of a network attend; None of one that attends by torch alone.

    A layer that names none attends with that of the process.

    Source: diffusers, `dispatch_attention_fn`.
    """
    from diffusers.models import attention_dispatch

    dispatch: Any = attention_dispatch
    active, _ = dispatch._AttentionBackendRegistry.get_active_backend()
    processors: list[Any] = [getattr(module, "processor", None) for module in network.modules()]
    found = [each._attention_backend or active for each in processors if hasattr(each, "_attention_backend")]
    return tuple(sorted({str(getattr(each, "value", each)) for each in found})) or None
