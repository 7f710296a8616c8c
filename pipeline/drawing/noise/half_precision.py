"""Whether torch, asked for noise in half precision, draws the rounded values of float32 or other noise."""

from __future__ import annotations

from functools import cache
from typing import Literal

import torch

HalfPrecision = Literal["float16", "bfloat16"]
_PROBED = ((4, 8, 8), (1, 3, 5), (16, 16, 16))
"""Shapes of fewer than 16 values, and of more, are drawn in two ways."""


@cache
def half_draws() -> dict[HalfPrecision, bool]:
    """For each half precision: whether its draws on the CPU are the rounded draws of float32, as they are in torch 2.14.

    Where they are, a generator that a stock pipeline in half precision is given draws the noise of the contract.
    """
    kinds: tuple[HalfPrecision, ...] = ("float16", "bfloat16")
    return {kind: all(_rounded(getattr(torch, kind), shape) for shape in _PROBED) for kind in kinds}


def _rounded(dtype: torch.dtype, shape: tuple[int, ...]) -> bool:
    drawn = [
        torch.randn(shape, generator=torch.Generator("cpu").manual_seed(0), dtype=each, device="cpu")
        for each in (dtype, torch.float32)
    ]
    return torch.equal(drawn[0], drawn[1].to(dtype))
