"""What a race finds of seeds whose true effects are known, because they are made up: normal effects, normal noise.

A uniform sweep is a race of one round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.select.racing import Round

STUDIES = 200


@dataclass(frozen=True)
class Outcome:
    """Means over simulated studies with their Monte Carlo standard errors.

    recall: share of the true best seeds that are found. gain: mean true effect of the seeds found over that of the true best.
    """

    recall: float
    recall_se: float
    gain: float
    gain_se: float


def simulated(
    rounds: Sequence[Round], golden: int, ratio: float | Array, rng: np.random.Generator, studies: int = STUDIES
) -> Outcome:
    """Run a race in made-up studies.

    ratio: the variance of seed effects over that of the rest of a score, 1 / lambda; one, or one for each study. studies: how
    many. The same generator gives the same seeds to races of as many seeds.
    """
    effects = rng.standard_normal((studies, rounds[0].seeds))
    chosen = chosen_of(effects, rounds, golden, ratio, rng)
    best = -np.partition(-effects, golden - 1, axis=1)[:, :golden]
    found = np.take_along_axis(effects, chosen, axis=1)
    recall = (found >= best.min(axis=1, keepdims=True)).mean(axis=1)
    gain = found.mean(axis=1) / best.mean(axis=1)
    return Outcome(*_mean(recall), *_mean(gain))


def chosen_of(
    effects: Array, rounds: Sequence[Round], golden: int, ratio: float | Array, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """The seeds (D, golden), by index, that a race chooses in D studies. effects: (D, S) in units of their own s.d."""
    size = np.sqrt(np.broadcast_to(np.asarray(ratio, np.float64), len(effects)))[:, None] * effects
    still_in = np.broadcast_to(np.arange(effects.shape[1]), effects.shape)
    total = np.zeros(effects.shape)
    keeps = [*(block.seeds for block in rounds[1:]), golden]
    for block, keep in zip(rounds, keeps, strict=True):
        total += block.prompts * np.take_along_axis(size, still_in, axis=1)
        total += np.sqrt(block.prompts) * rng.standard_normal(total.shape)
        stays = np.argpartition(-total, keep - 1, axis=1)[:, :keep]
        still_in = np.take_along_axis(still_in, stays, axis=1)
        total = np.take_along_axis(total, stays, axis=1)
    return np.asarray(still_in)


def _mean(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
