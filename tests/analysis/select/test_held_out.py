"""Chosen seeds against random ones: the gain is found, its interval covers it, and a choice by luck seldom passes."""

import numpy as np
import pytest

from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.select import held_out
from seedscope.analysis.select.held_out import HeldOut, against_random

CHOSEN = np.arange(24) < 6


def compared(share: float, gain: float, seed: int, *, lower: bool = False) -> HeldOut:
    """Of 24 seeds with 20 prompts, of which the first 6 are better by so much than the seeds that are drawn at random."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(20, 1)) * 3 + rng.normal(size=(20, 24)) + rng.normal(size=24) * share**0.5 + gain * CHOSEN
    fit = additive_fit(Scores.of(-values if lower else values, np.arange(20)))
    return against_random(fit, CHOSEN, "lower" if lower else "higher", np.random.default_rng(seed))


def test_the_gain_is_that_of_the_means_and_lower_may_be_better() -> None:
    found, turned = compared(0.1, 1.0, 1), compared(0.1, 1.0, 1, lower=True)
    assert found.holds and found.p == turned.p == 1 / (found.draws + 1)
    assert found.chosen.mean == pytest.approx(-turned.chosen.mean)
    assert found.chosen.lo is not None and 0.4 < found.chosen.lo < 1.0
    assert (found.seeds, found.prompts) == (18, 20) and found.compared.worst is None


def test_a_choice_by_luck_passes_no_more_often_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "DRAWS", 399)
    passed = [compared(share, 0.0, seed).holds for share in (0.0, 0.5) for seed in range(150)]
    assert sum(passed) <= 15  # 7.5 are expected of 300; more than 15 in 4 of 1,000


def test_its_interval_covers_the_gain_for_seeds_that_were_drawn_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "DRAWS", 9)
    covered = 0
    for seed in range(200):
        # The chosen are as they are; what they are compared with are random draws, whose mean effect is 0.
        rng = np.random.default_rng(seed)
        effects = np.concatenate([np.full(6, 0.8), rng.normal(size=18)])
        values = rng.normal(size=(20, 1)) + rng.normal(size=(20, 24)) + effects
        found = against_random(additive_fit(Scores.of(values, np.arange(20))), CHOSEN, "higher", rng).chosen
        assert found.lo is not None and found.hi is not None
        covered += found.lo <= 0.8 <= found.hi
    assert covered >= 180


def test_where_nothing_can_be_compared_it_says_so() -> None:
    values = np.where(CHOSEN, np.nan, np.random.default_rng(0).normal(size=(20, 24)))
    with pytest.raises(StatisticsError, match="0 chosen and 18 random seeds"):
        against_random(additive_fit(Scores.of(values, np.arange(20))), CHOSEN, "higher", np.random.default_rng(0))
