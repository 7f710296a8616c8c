"""Distances of a seed's images to the real ones, by name. A new distance is a new file and one line in `_CLASSES`.

A distance is measured for each seed, with the prompts' share in its error, and again for seeds whose images were shuffled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.jackknife import Jackknife
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
}
NAMES: tuple[str, ...] = tuple(name for name in _CLASSES if name != FRECHET)
"""The distances that may be taken beside the Frechet distance, which always is."""


class UnfitReference(ValueError):
    """The real pictures do not allow a distance."""


@dataclass(frozen=True, eq=False)
class RealFeatures:
    """The features of the real pictures, as distances want them.

    reference: their Gaussian. rows: reads all of them, (m, D). rng: purpose -> randomness of its own for this distance.
    """

    reference: Reference
    rows: Callable[[], Rows]
    rng: Callable[[str], np.random.Generator]


class Distance(ABC):
    """One distance to the real images. Lower is better. A subclass is made from the real pictures' features.

    name: of the kind, such as `kid`. floor: the least that there is. real_images, dimensions: of the reference.
    """

    name: ClassVar[str]
    floor: float = 0.0
    real_images: int
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
        """Why a size that was taken of so many images a seed says little; None where nothing speaks against it."""
        return None

    @classmethod
    def title(cls, feature: str) -> str:  # noqa: ARG003  (for those that a feature defines)
        """What people call the distance, taken of a feature such as `fid_inception`; without the feature's name."""
        words = cls.name.replace("_", " ")
        return words[:1].upper() + words[1:]


def distance_class(name: str) -> type[Distance]:
    """The distance called `frechet`, or one of NAMES."""
    module, class_name = _CLASSES[name].split(":")
    found: type[Distance] = getattr(import_module(f"{__package__}.{module}"), class_name)
    return found


def refuse_unknown(names: Sequence[str]) -> None:
    """Raise UserError for names in `ranking.distances` that are no distances: a line each, with all that are."""
    unknown = {place: name for place, name in enumerate(names) if name not in NAMES}
    if unknown:
        raise UserError("\n".join(_refusal(place, name) for place, name in unknown.items()))


def _refusal(place: int, name: str) -> str:
    near = get_close_matches(name, NAMES, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"ranking.distances.{place}: no distance is called {name!r}{meant} Known: {', '.join(NAMES)}."
