"""A small latent lies in the middle of a large one, and a large one's middle fills a small one."""

from __future__ import annotations

import pytest
import torch

from seedscope.pipeline.drawing.noise.resize import placed


def by_hand(small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    """Value by value, for (C, h, w): what A1111's `dx`, `dy`, `tx`, `ty`, `w` and `h` come to."""
    result = large.clone()
    (_, h, w), (_, height, width) = small.shape, large.shape
    down, right = (height - h) // 2, (width - w) // 2
    rows = range(h) if down >= 0 else range(-down, h + down)
    columns = range(w) if right >= 0 else range(-right, w + right)
    for y in rows:
        for x in columns:
            result[:, y + down, x + right] = small[:, y, x]
    return result


@pytest.mark.parametrize("small", [(2, 4, 4), (2, 3, 9), (2, 8, 8), (2, 5, 5), (2, 9, 3), (2, 1, 12)])
@pytest.mark.parametrize("large", [(2, 8, 8), (2, 7, 4)])
def test_the_place_is_a1111s(small: tuple[int, int, int], large: tuple[int, int, int]) -> None:
    inside, outside = torch.randn(small), torch.randn(large)
    before = outside.clone()
    found = placed(inside, outside)
    assert torch.equal(found, by_hand(inside, outside)) and torch.equal(outside, before)
    flipped = placed(inside.permute(1, 2, 0), outside.permute(1, 2, 0))
    assert torch.equal(flipped, found.permute(1, 2, 0))
    if small[1:] == large[1:]:
        assert torch.equal(found, inside)
