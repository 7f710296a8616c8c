"""What `layout` asks of a model that finds objects in pictures, whatever its family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from seedscope.analysis.features.layout.mask_geometry import Mask

if TYPE_CHECKING:
    import torch

Wanted = TypeVar("Wanted")


@dataclass(frozen=True)
class Found:
    """An object in a picture. mask: bool (H, W), at least one pixel; confidence: in 0..1, see the family's class."""

    object: str
    mask: Mask
    confidence: float


class Segmenter(ABC, Generic[Wanted]):
    """Finds the object of a prompt in a picture. `Wanted` is what it looks for: labels, or a phrase."""

    @abstractmethod
    def to(self, device: str, half: bool) -> None:
        """Move the networks to a torch device; where `half`, run those that stand it in float16 on CUDA."""

    @abstractmethod
    def wanted(self, prompt: str) -> Wanted | None:
        """What the prompt asks to look for; None where it names no object."""

    @abstractmethod
    def find(self, images: torch.Tensor, wanted: Sequence[Wanted]) -> list[Found | None]:
        """The object in each of the pictures (N, 3, H, W) uint8, which are on the networks' device; None where it is not."""
