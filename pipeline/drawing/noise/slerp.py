"""Variations: from the noise of a seed towards that of another, along the sphere.

    slerp(t; a, b) = sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b,    cos(w) = <a / |a|, b / |b|>

a and b are columns of a picture: w is taken for each channel and column, over the height.

Source: Shoemake (1985), "Animating rotation with quaternion curves", SIGGRAPH '85; AUTOMATIC1111, `modules/rng.py::slerp`,
which takes the axis 1 of (C, h, w).
Deviation: columns that point the same or the opposite way (|cos w| > 0.9995), where the formula divides by nothing, are mixed
linearly, (1 - t) a + t b, each for itself; A1111 does so where the mean of cos w is above 0.9995, with the weights the wrong
way round. Noise of two seeds with eight rows or more has no such columns.
"""

from __future__ import annotations

import torch

PARALLEL = 0.9995


def slerp(strength: float, start: torch.Tensor, end: torch.Tensor, axis: int = 1) -> torch.Tensor:
    """Noise between two of the same shape.

    Args:
        strength: 0 is `start`, 1 is `end`.
        start, end: float32.
        axis: the height.
    """
    lengths = [torch.linalg.vector_norm(noise, dim=axis, keepdim=True) for noise in (start, end)]
    cosine = (start / lengths[0] * (end / lengths[1])).sum(axis, keepdim=True)
    angle = torch.acos(cosine.clamp(-1, 1))
    between = torch.sin((1 - strength) * angle) / torch.sin(angle) * start
    between = between + torch.sin(strength * angle) / torch.sin(angle) * end
    return torch.where(cosine.abs() > PARALLEL, (1 - strength) * start + strength * end, between)
