"""How far two pictures are apart: by SSIM, by LPIPS where its network is there, and by an embedding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.swap.crossed import Cell
from seedscope.pipeline.images import Pixels

if TYPE_CHECKING:
    import torch

Pair = tuple[Cell, Cell]
AT_ONCE = 64
_BACKBONES = {"alex": "AlexNet_Weights", "squeeze": "SqueezeNet1_1_Weights", "vgg": "VGG16_Weights"}
"""Networks of LPIPS -> torchvision's name for their weights; the first that is there is taken."""


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
                sides = [_stacked([kept[pairs[place][side]] for place in some]) for side in (0, 1)]
                found[some] = self._compare(*sides).double().numpy()
        return found


class EmbeddedDistance(Distance):
    """Of the vectors of a feature: the length of their difference."""

    def __init__(self, name: str, vectors: Mapping[Cell, npt.NDArray[np.float32]]) -> None:
        self.name, self._vectors = name, vectors

    def between(self, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
        return np.array([np.linalg.norm(self._vectors[one] - self._vectors[other]) for one, other in pairs], np.float64)


def ssim(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """1 - SSIM, right to 1e-4: in float32, which convolutions are quick in.

    Source: Wang, Bovik, Sheikh, Simoncelli (2004), "Image quality assessment: from error visibility to structural similarity".
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    found: Any = structural_similarity_index_measure(one, other, data_range=1.0, reduction="none")
    return 1 - torch.as_tensor(found).reshape(-1)


def lpips() -> tuple[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] | str:
    """The name of LPIPS with its backbone, and what it computes; or a sentence that says what is missing. Fetches nothing.

    Source: Zhang, Isola, Efros, Shechtman, Wang (2018), "The unreasonable effectiveness of deep features as a perceptual
    metric".
    """
    import torch
    import torchvision

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = {
        net: str(getattr(torchvision.models, name).DEFAULT.url).rsplit("/", 1)[-1] for net, name in _BACKBONES.items()
    }
    net = next((net for net, file in files.items() if (folder / file).is_file()), None)
    if net is None:
        return (
            f"LPIPS is left out: {' or '.join(files.values())}, of torchvision, is not in {folder}. "
            "`python -c \"import torchvision; torchvision.models.alexnet(weights='DEFAULT')\"` fetches it."
        )
    from torchmetrics.image import LearnedPerceptualImagePatchSimilarity

    measure: Any = LearnedPerceptualImagePatchSimilarity
    network = measure(net_type=net, normalize=True).net
    return f"LPIPS ({net})", lambda one, other: network(one, other, normalize=True).reshape(-1)


def _same(one: Pixels | None, other: Pixels | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other)


def _stacked(pictures: Sequence[Pixels | None]) -> torch.Tensor:
    """(N, 3, H, W) float32, 0 .. 1."""
    import torch

    pixels = np.stack([picture for picture in pictures if picture is not None])
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255
