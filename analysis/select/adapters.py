"""The adapters that act on a network, such as LoRAs: which, how strongly, in which order."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from seedscope.analysis.select.loaded import adapted, bare_name, of_adapter, sha256_of_tensor, state_of, unwrapped
from seedscope.analysis.select.strict import Strict

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_DIGITS = 6


class Adapter(Strict):
    """An adapter that acts on a network."""

    sha256: Sha256 = Field(description="of its tensors in the dtype of the list, and of its alpha over its rank")
    weights: list[float] = Field(description="with which it acts: one, where all its layers have the same")


def active_adapters(part: nn.Module) -> list[str]:
    """Names of the adapters that act on a network without being fused into it, in the order in which they act."""
    names: dict[str, None] = {}
    for layer in adapted(unwrapped(part)).values():
        active: Any = getattr(layer, "active_adapters", ["unnamed"])
        if not getattr(layer, "disable_adapters", False) and not getattr(layer, "merged", False):
            names |= dict.fromkeys([active] if isinstance(active, str) else active)
    return [name for name in names if any(_acts(layer, name) for layer in adapted(unwrapped(part)).values())]


def _acts(layer: Any, name: str) -> bool:
    scaling = getattr(layer, "scaling", None)
    return scaling is None or name in scaling


def adapters_of(part: nn.Module, dtype: torch.dtype) -> list[Adapter]:
    """The adapters that act on a network, in the order in which they act, whatever they are called."""
    part = unwrapped(part)
    layers = adapted(part)
    state = {name: tensor for name, tensor in state_of(part).items() if of_adapter(name, layers)}
    return [
        Adapter(sha256=_digest(name, layers, state, dtype), weights=_weights(name, layers))
        for name in active_adapters(part)
    ]


def _digest(name: str, layers: dict[str, nn.Module], state: dict[str, torch.Tensor], dtype: torch.dtype) -> str:
    lines = [
        f"{bare_name(layer)} {_usual(module, name):.9g}" for layer, module in layers.items() if _acts(module, name)
    ]
    for place, tensor in state.items():
        parts = place.split(".")
        if name in parts:
            kept = ".".join(part for part in parts if part != name)
            lines.append(f"{bare_name(kept)} {tuple(tensor.shape)} {sha256_of_tensor(tensor, dtype)}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _usual(layer: Any, name: str) -> float:
    """What peft multiplies an adapter by at weight 1: alpha over rank, or over its root."""
    if not hasattr(layer, "lora_alpha"):
        return 1.0
    rank = float(layer.r[name])
    return float(layer.lora_alpha[name]) / (math.sqrt(rank) if layer.use_rslora.get(name, False) else rank)


def _weights(name: str, layers: dict[str, nn.Module]) -> list[float]:
    factors = {
        round(float(layer.scaling[name]) / _usual(layer, name), _DIGITS)  # type: ignore[index]  # a dict of peft's
        for layer in layers.values()
        if hasattr(layer, "scaling") and name in layer.scaling  # type: ignore[operator]
    }
    return sorted(factors)


def adapter_differences(part: str, here: Sequence[Adapter], then: Sequence[Adapter]) -> Iterator[str]:
    """Yield a sentence where other adapters act on a part than when a list was made."""
    found, wanted = [each.sha256 for each in here], [each.sha256 for each in then]
    if sorted(found) != sorted(wanted):
        missing, more = (Counter(wanted) - Counter(found)).total(), (Counter(found) - Counter(wanted)).total()
        yield (
            f"On the {part} act other LoRAs than the list was made with: {missing} of its {len(wanted)} are missing, and "
            f"{more} are new."
        )
    elif found != wanted:
        yield f"The LoRAs of the {part} act in another order than when the list was made, which rounds otherwise."
    else:
        for place, (one, other) in enumerate(zip(here, then, strict=True)):
            if one.weights != other.weights:
                which = f"LoRA {place + 1}" if len(here) > 1 else "LoRA"
                yield f"The {which} of the {part} has the weight {_said(one)}, but the list was made with {_said(other)}."


def _said(adapter: Adapter) -> str:
    return ", ".join(f"{weight:g}" for weight in adapter.weights)
