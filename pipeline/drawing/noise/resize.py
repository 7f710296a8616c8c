"""Seed resize: the noise of a picture of another size, in the middle of the noise of this one.

Source: AUTOMATIC1111, `modules/rng.py::ImageRNG.first` ("resize seed from").
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def placed(small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    """The large noise with the small one in its middle; on sides where that one is larger, its middle fills it.

    Along each axis the place is the floor of half the difference, as in A1111: of an odd one, where the small noise is the
    larger, one line of the large noise stays at the end.

    Args:
        small, large: of as many axes.
    """
    result = large.clone()
    there = places(small.shape, large.shape)
    result[tuple(to for _, to in there)] = small[tuple(of for of, _ in there)]
    return result


def places(small: Sequence[int], large: Sequence[int]) -> list[tuple[slice, slice]]:
    """Along each axis: what is taken of the small noise, and where it lies in the large one. It may be nothing."""
    return [_along(have, want) for have, want in zip(small, large, strict=True)]


def _along(small: int, large: int) -> tuple[slice, slice]:
    shift = (large - small) // 2
    length = small if shift >= 0 else small + 2 * shift
    first, to = max(-shift, 0), max(shift, 0)
    return slice(first, first + length), slice(to, to + length)
