"""What rules go by, from made-up scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.halvings import halvings, held_out
from seedscope.analysis.seeds.scores.outlying import shuffled_alike
from seedscope.analysis.seeds.scores.score_null import ScoreNull, score_null
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.select.confirmed import Evidence


def null_of(
    values: npt.ArrayLike,
    groups: npt.ArrayLike,
    rng: np.random.Generator,
    better: Better = "higher",
    shuffles: int = 500,
) -> ScoreNull:
    return score_null(shuffled_alike(additive_fit(Scores.of(values, groups)), rng, shuffles), better)


def evidence(
    scores: Scores,
    rng: np.random.Generator,
    better: Better = "higher",
    *,
    k: int = 4,
    shuffles: int = 500,
    smallest: float = 0.0,
) -> Evidence:
    """Of scores with two groups of prompts or more."""
    fit = additive_fit(scores)
    halves = halvings(fit)
    assert halves is not None
    return Evidence(
        score_null(shuffled_alike(fit, rng, shuffles), better), held_out(halves, k, better), better, smallest
    )
