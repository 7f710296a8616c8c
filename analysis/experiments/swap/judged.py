"""What is found on the pictures of one sampler: shares of every measurement, and curves by every distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seedscope.analysis.experiments.swap.components import Shares, shares
from seedscope.analysis.experiments.swap.crossed import Design, measured, vectors_of
from seedscope.analysis.experiments.swap.curve import Curve, curve
from seedscope.analysis.experiments.swap.distances import Distance, EmbeddedDistance, PictureDistance, ssim_distance
from seedscope.analysis.experiments.swap.samplers import Sampler
from seedscope.analysis.features.embedding import Embedding
from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.pipeline.study.schema import fingerprint

if TYPE_CHECKING:
    import torch

Compare = Mapping[str, Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]]
"""Name of a distance of pixels -> what computes it."""


@dataclass(frozen=True)
class Judged:
    """Of a sampler.

    shares: measurement -> its variance shares; silent: measurement or distance -> why it tells nothing. Both are empty of a
    sampler whose later noise changes nothing.
    """

    sampler: Sampler
    shares: Mapping[str, Shares] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    silent: Mapping[str, str] = field(default_factory=dict)
    pictures: int = 0

    @property
    def zero(self) -> bool:
        """Whether the later noise changes nothing by construction."""
        return not self.pictures


def judged(run: DrawnRun, sampler: Sampler, by: Sequence[str], compare: Compare) -> Judged:
    """Judge the pictures of a sampler, all of which are there.

    Args:
        by: features whose vectors say how far pictures are apart.
    """
    design, found, silent, curves = Design.of(run), dict[str, Shares](), dict[str, str](), list[Curve]()
    for name, values in measured(run, design):
        rng = np.random.default_rng(int(fingerprint({"cause": run.cause, "for": f"swap {name}"})[:16], 16))
        try:
            found[name] = shares(values, design.groups, rng)
        except StatisticsError as reason:
            silent[name] = str(reason)
    for distance in _distances(run, by, compare):
        try:
            curves.append(curve(design, distance))
        except StatisticsError as reason:
            silent[distance.name] = str(reason)
    pictures = len(run.wanted.prompts) * len(run.wanted.seeds)
    return Judged(sampler, found, curves, silent, pictures)


def _distances(run: DrawnRun, by: Sequence[str], compare: Compare) -> list[Distance]:
    pictures = RunPictures(run.images, run.units)
    found: list[Distance] = [
        PictureDistance(name, pictures, each) for name, each in {"1 - SSIM": ssim_distance, **compare}.items()
    ]
    measures = [item for item in run.measures if item.feature.name in by]
    return found + [EmbeddedDistance(item.feature.name, vectors_of(item, run)) for item in measures]


def embeddings(run: DrawnRun) -> list[str]:
    """The features of a run that give a vector of each picture, those of style first."""
    names = [item.name for item in run.measured if isinstance(item, Embedding)]
    return sorted(names, key=lambda name: not name.startswith("style"))
