"""Between two seeds' noise, along the sphere."""

from __future__ import annotations

import pytest
import torch

from seedscope.pipeline.drawing.noise import latent
from seedscope.pipeline.drawing.noise.slerp import slerp

SHAPE = (4, 16, 12)


def test_its_ends_are_the_seeds_themselves() -> None:
    one, other = latent(1, SHAPE), latent(2, SHAPE)
    assert torch.allclose(slerp(0.0, one, other), one, atol=1e-6)
    assert torch.equal(slerp(1.0, one, other), other)


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.5, 0.9])
def test_each_column_follows_the_formula(strength: float) -> None:
    one, other = latent(1, SHAPE).double(), latent(2, SHAPE).double()
    found = slerp(strength, one.float(), other.float())
    for channel in range(SHAPE[0]):
        for column in range(SHAPE[2]):
            a, b = one[channel, :, column], other[channel, :, column]
            angle = torch.arccos(a @ b / (a.norm() * b.norm()))
            parts = [torch.sin(share * angle) / torch.sin(angle) for share in (1 - strength, strength)]
            assert torch.allclose(found[channel, :, column].double(), parts[0] * a + parts[1] * b, atol=1e-5)


def test_it_stays_standard_normal_where_a_mean_would_not() -> None:
    middle = torch.stack([slerp(0.5, latent(2 * n, SHAPE), latent(2 * n + 1, SHAPE)) for n in range(100)]).double()
    assert abs(middle.var() - 1) < 5 * (2 / middle.numel()) ** 0.5 + 0.01


def test_the_axis_is_the_height_wherever_the_channels_stand() -> None:
    one, other = latent(1, SHAPE), latent(2, SHAPE)
    last = slerp(0.3, one.permute(1, 2, 0), other.permute(1, 2, 0), axis=0)
    assert torch.allclose(last.permute(2, 0, 1), slerp(0.3, one, other), atol=1e-6)
    assert not torch.allclose(slerp(0.3, one, other, axis=2), slerp(0.3, one, other), atol=1e-3)


def test_parallel_and_opposite_columns_are_mixed() -> None:
    one = latent(1, SHAPE)
    assert torch.allclose(slerp(0.3, one, one), one, atol=1e-6)
    assert torch.allclose(slerp(0.25, one, -one), 0.5 * one, atol=1e-6)
    low = slerp(0.5, latent(1, (4, 1, 8)), latent(2, (4, 1, 8)))
    assert low.isfinite().all()
