"""How far two pictures are apart: by SSIM, by LPIPS where its network is there, and by an embedding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.swap.crossed import Cell
from seedscope.analysis.features.likeness import as_tensor, ssim
from seedscope.pipeline.images import Pixels

if TYPE_CHECKING:
    import torch

Pair = tuple[Cell, Cell]
AT_ONCE = 64


class Distance(ABC):
    """A distance of pictures by its name: 0 of equal ones."""

    name: str

    @abstractmethod
    def between(self, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
        """(N,) of N pairs; NaN where a picture is missing."""


class PictureDistance(Distance):
    """Of pixels.

    Args:
        compare: (N,) distances of (N, 3, H, W) float32 pictures, 0 .. 1.
    """

    def __init__(
        self,
        name: str,
        pictures: Callable[[int, str], Pixels | None],
        compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        self.name, self._pictures, self._compare = name, pictures, compare

    def between(self, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
        import torch

        kept: dict[Cell, Pixels | None] = {cell: self._pictures(*cell) for pair in pairs for cell in pair}
        found, there = np.full(len(pairs), np.nan), list[int]()
        for place, (one, other) in enumerate(pairs):
            if _same(kept[one], kept[other]):  # whose distance would be of rounding
                found[place] = 0.0
            elif kept[one] is not None and kept[other] is not None:
                there.append(place)
        with torch.no_grad():
            for start in range(0, len(there), AT_ONCE):
                some = there[start : start + AT_ONCE]
                sides = [_stacked(kept[pairs[place][side]] for place in some) for side in (0, 1)]
                found[some] = self._compare(*sides).double().numpy()
        return found


class EmbeddedDistance(Distance):
    """Of the vectors of a feature: the length of their difference."""

    def __init__(self, name: str, vectors: Mapping[Cell, npt.NDArray[np.float32]]) -> None:
        self.name, self._vectors = name, vectors

    def between(self, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
        return np.array([np.linalg.norm(self._vectors[one] - self._vectors[other]) for one, other in pairs], np.float64)


def ssim_distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """1 - SSIM."""
    return 1 - ssim(one, other)


def _same(one: Pixels | None, other: Pixels | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other)


def _stacked(pictures: Iterable[Pixels | None]) -> torch.Tensor:
    """(N, 3, H, W) float32, 0 .. 1."""
    return as_tensor(np.stack([picture for picture in pictures if picture is not None]))
