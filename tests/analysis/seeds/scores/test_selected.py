"""A chosen seed's gain: what is left when the luck of having been chosen is taken out."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_evidence import null_of

from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.selected import corrected, threshold


@pytest.mark.parametrize("kind", ["few good seeds", "many a little"])
def test_what_is_left_is_near_the_truth_where_what_was_measured_is_far_off(kind: str) -> None:
    """150 studies of 24 seeds x 24 prompts in which few pass: measured 1.1 to 1.6 times the truth, corrected 0.75 to 1.1."""
    rng, measured, left, true = np.random.default_rng(1), [], [], []
    for _ in range(150):
        truth = np.r_[0.7, 0.7, 0.7, np.zeros(21)] if kind == "few good seeds" else 0.35 * rng.standard_normal(24)
        null = null_of(rng.standard_normal((24, 24)) + truth, np.arange(24), rng, shuffles=300)
        passed = np.flatnonzero(q_values(null.p) <= 0.01)
        at = threshold(null, 0.01 * len(passed) / 24)
        measured += null.effect[passed].tolist()
        true += (truth - np.median(truth))[passed].tolist()
        left += [corrected(null, int(seed), at) for seed in passed]
    assert len(true) > 50
    assert 1.1 < np.mean(measured) / np.mean(true) < 1.6
    assert 0.75 < np.mean(left) / np.mean(true) < 1.1


def test_nothing_is_taken_far_above_the_threshold_and_nothing_is_left_at_it() -> None:
    rng = np.random.default_rng(2)
    null = null_of(rng.standard_normal((40, 12)) + np.r_[3.0, np.zeros(11)], np.arange(40), rng)
    assert corrected(null, 0, threshold(null, 0.005)) == pytest.approx(null.effect[0], rel=0.1)
    assert corrected(null, 0, float(null.better[0])) == 0.0


def test_the_threshold_is_that_of_the_p_values() -> None:
    rng = np.random.default_rng(3)
    null = null_of(rng.standard_normal((20, 16)) + 0.3 * rng.standard_normal(16), np.arange(20), rng)
    for p in (0.2, 0.05, 0.01):
        at = threshold(null, p)
        np.testing.assert_array_equal(null.p <= p, null.better >= at)
    assert threshold(null, 0.0) == null.chance[-1]
