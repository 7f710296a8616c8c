"""Frechet distance of a model's pictures to held-out renders, beside that of other renders to the same ones."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features.efficientnet_lite0 import EfficientNetLite0
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.jobs.sprout import world

COUNT = 2000
FIRST_SUBJECT, FIRST_OTHER = world.REFERENCE_SEEDS + (5 << 20), world.REFERENCE_SEEDS + (6 << 20)
SUBJECTS = range(FIRST_SUBJECT, FIRST_SUBJECT + COUNT)  # scenes whose captions are drawn
OTHERS = range(FIRST_OTHER, FIRST_OTHER + COUNT)


def features(pictures: Sequence[world.Pixels]) -> npt.NDArray[np.float64]:
    """float64 [n, 1280] of uint8 [64, 64, 3] pictures."""
    network = EfficientNetLite0().load("cpu")
    column = network.compute(np.stack(pictures), [""] * len(pictures))[network.name]
    return np.asarray(column.flatten(), dtype=np.float64).reshape(len(pictures), network.dimensions)


def renders() -> Reference:
    """The held-out renders that pictures are compared with."""
    return Reference.of(moments(features([world.render(seed).pixels for seed in OTHERS])))


def figures(pictures: Sequence[world.Pixels], reference: Reference) -> dict[str, float]:
    """Distances to `reference`: of pictures drawn from the captions of SUBJECTS, and of these scenes' own renders."""
    originals = [world.render(seed).pixels for seed in SUBJECTS[: len(pictures)]]
    named = {"pictures to renders": pictures, "renders to renders": originals}
    distances = {name: frechet_distance(moments(features(chosen)), reference) for name, chosen in named.items()}
    return {f"Frechet distance, {name}": float(d) for name, d in distances.items() if d is not None}
