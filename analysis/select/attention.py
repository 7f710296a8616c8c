"""How a network attends: a backend that only rounds otherwise is told, one that computes with fewer bits is a difference."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch

from seedscope.analysis.select.loaded import unwrapped
from seedscope.pipeline.models.attention import attends_with

FEWER_BITS = "sage"
"""What backends are called whose products are of 8 bits. Source: Zhang et al. 2024, SageAttention; diffusers' names."""


def attention_differences(then: str | None, network: Any, name: str) -> Iterator[str]:
    """Yield a sentence where a network attends so that pictures change by more than rounding.

    Args:
        then: the backend with which the list was made; None: it was not recorded, and is not compared.
        name: of the network.
    """
    attention = torch.nn.functional.scaled_dot_product_attention
    if not inspect.isbuiltin(attention):
        what = getattr(attention, "__qualname__", type(attention).__name__)
        yield f"torch's scaled_dot_product_attention was replaced here by {what}, but the list was made with torch's own."
    for here in _others(then, network):
        if FEWER_BITS in here or FEWER_BITS in str(then):
            yield (
                f"The {name} attends with {here!r}, but the list was made with {then!r}: one of them computes with fewer bits."
            )


def attention_notes(then: str | None, network: Any, name: str) -> Iterator[str]:
    """Yield a sentence where a network attends with another backend, which rounds otherwise; arguments as above."""
    for here in _others(then, network):
        if FEWER_BITS not in here and FEWER_BITS not in str(then):
            yield (
                f"The {name} attends with {here!r} and that of the list with {then!r}: this rounds otherwise, and by itself is "
                "no reason."
            )


def _others(then: str | None, network: Any) -> list[str]:
    """The backends that are not the list's."""
    here = attends_with(unwrapped(network)) if then is not None else None
    return [each for each in here or () if each != then]
