"""Distances of a seed's images to the real ones, and other measures of all of them together, by name: a new one is a new file
and one line in `_CLASSES`.

It is taken of each seed, with the prompts' share in its error, and again of seeds whose images were shuffled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.neighbours import RealNeighbours
from seedscope.analysis.seeds.distances.null import ShuffleNull
from seedscope.pipeline.errors import UserError

Rows = npt.NDArray[np.generic]
Labels = npt.NDArray[np.generic]

FRECHET = "frechet"
# A class is imported when it is asked for: its file imports this one.
_CLASSES = {
    FRECHET: "frechet_distance:Frechet",
    "kid": "kid:KidDistance",
    "cmmd": "cmmd:CmmdDistance",
    "cmmd_unbiased": "cmmd:UnbiasedCmmdDistance",
    "fd_infinity": "fd_infinity_distance:FdInfinity",
    "precision": "precision:Precision",
    "recall": "recall:Recall",
    "density": "density:Density",
    "coverage": "coverage:Coverage",
    "vendi": "vendi:Vendi",
    "authenticity": "authenticity:Authenticity",
}
NAMES: tuple[str, ...] = tuple(name for name in _CLASSES if name != FRECHET)
"""What may be taken beside the Frechet distance, which always is."""


class UnfitReference(ValueError):
    """The real pictures do not allow a distance, or another measure."""


@dataclass(frozen=True, eq=False)
class RealFeatures:
    """The features of the real pictures, as distances want them; one for all distances of a feature.

    reference: their Gaussian. rows: reads all of them, (m, D). rng: purpose -> randomness of its own.
    """

    reference: Reference
    rows: Callable[[], Rows]
    rng: Callable[[str], np.random.Generator]

    @cached_property
    def neighbours(self) -> RealNeighbours:
        """The real pictures with their nearest among themselves. Raises UnfitReference where they are too few."""
        try:
            return RealNeighbours.of(self.rows(), self.rng("real pictures"))
        except ValueError as error:
            raise UnfitReference(str(error)) from error


class Distance(ABC):
    """One distance to the real images, or another number that all images of a seed give together. A subclass is made from the
    real pictures' features.

    name: of the kind, such as `kid`. better: which values are good. floor, ceiling: the least and the most that there is.
    real_images: those that it compares with; None where it compares with none. dimensions: of the features.
    """

    name: ClassVar[str]
    better: ClassVar[Better] = "lower"
    floor: float = 0.0
    ceiling: float = np.inf
    real_images: int | None
    dimensions: int

    @abstractmethod
    def __init__(self, real: RealFeatures) -> None:
        """Prepare what all seeds are compared with. Raises UnfitReference where it allows no such distance."""

    @abstractmethod
    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        """The distance of a seed's features (n, D), and what each of the clusters (n,) of its prompts adds."""

    @abstractmethod
    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        """The distances of seeds whose images were shuffled; grid (P, S, D), every seed's distance defined."""

    def caution(self, images: int) -> str | None:  # noqa: ARG002  (for those that depend on it)
        """Why a size that was taken of so many images a seed says little, or is undefined; None where nothing speaks against
        it."""
        return None

    @classmethod
    def title(cls, feature: str) -> str:  # noqa: ARG003  (for those that a feature defines)
        """What people call the distance, taken of a feature such as `fid_inception`; without the feature's name."""
        words = cls.name.replace("_", " ")
        return words[:1].upper() + words[1:]


def distance_class(name: str) -> type[Distance]:
    """What is called `frechet`, or by one of NAMES."""
    module, class_name = _CLASSES[name].split(":")
    found: type[Distance] = getattr(import_module(f"{__package__}.{module}"), class_name)
    return found


def refuse_unknown(names: Sequence[str]) -> None:
    """Raise UserError for names in `ranking.distances` that are not among NAMES: a line each, with all that are."""
    unknown = {place: name for place, name in enumerate(names) if name not in NAMES}
    if unknown:
        raise UserError("\n".join(_refusal(place, name) for place, name in unknown.items()))


def _refusal(place: int, name: str) -> str:
    near = get_close_matches(name, NAMES, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"ranking.distances.{place}: no measure is called {name!r}{meant} Known: {', '.join(NAMES)}."
