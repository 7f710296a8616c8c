"""Golden seeds by rule: none where no seed is better than chance, the true ones where they are, and what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_evidence import evidence
from made_up_scores import UNEVEN, World

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.select.confirmed import Confirmed, confirmed

NULLS = {
    "plain": World(40, 24, 0.0),
    "heavy tails, missing cells": World(40, 24, 0.0, heavy=True, missing=0.1),
    "groups": World(seeds=24, share=0.0, sizes=(4,) * 20, alike=0.5),
    "uneven groups": World(seeds=24, share=0.0, sizes=UNEVEN, alike=0.5),
}


def chosen(world: World, rng: np.random.Generator, seed: Array | None = None) -> tuple[Confirmed, Array]:
    scores, truth = world.draw(rng, seed)
    return confirmed(evidence(scores, rng, shuffles=200)), truth - np.median(truth)


@pytest.mark.parametrize("name", NULLS)
def test_without_seed_effects_the_list_is_empty(name: str) -> None:
    """A golden seed in 1 % of 100 runs at most (s.d. 1 %), candidates in about 5 % (s.d. 2.2 %)."""
    rng = np.random.default_rng(1)
    found = [chosen(NULLS[name], rng)[0] for _ in range(100)]
    assert sum(one.seeds != () for one in found) <= 3
    assert sum(one.candidates != () for one in found) <= 11
    assert all(one.advantage is None for one in found if not one.seeds)


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_golden_seeds_are_really_better_and_worth_what_is_said(share: float) -> None:
    """Fewer than 2 % of them are not better; the interval for all seeds at once holds in 95 % of 70 runs, s.d. 2.6 %."""
    rng, world, wrong, hits, left = np.random.default_rng(2), World(100, 32, share), [], [], []
    for _ in range(70):
        found, truth = chosen(world, rng)
        if found.advantage is not None:
            picked = truth[list(found.seeds)]
            wrong.append(np.mean(picked <= 0))
            hits.append(found.advantage.lo <= picked.mean() <= found.advantage.hi)
            left.append((found.advantage.corrected, picked.mean()))
    assert len(wrong) > 42 and np.mean(wrong) < 0.02 and np.mean(hits) > 0.9
    said, true = np.mean(left, axis=0)
    assert 0.75 < said / true < 1.1


def test_a_wrong_direction_finds_the_bad_ones() -> None:
    rng, seed = np.random.default_rng(3), np.r_[1.0, 0.7, np.zeros(10), -1.0]
    scores, _ = World(200, 13, 0.0).draw(rng, seed)
    assert confirmed(evidence(scores, rng)).seeds[:2] == (0, 1)
    lower = confirmed(evidence(scores, rng, "lower"))
    assert lower.seeds == (12,) and lower.advantage is not None and lower.advantage.mean > 0.7


def test_one_bad_seed_makes_nothing_golden() -> None:
    rng, bad = np.random.default_rng(4), np.r_[-10.0, np.zeros(23)]
    found = [chosen(World(100, 24, 0.0), rng, bad)[0] for _ in range(30)]
    assert sum(one.candidates != () for one in found) <= 5 and sum(one.seeds != () for one in found) <= 1


def test_what_does_not_matter_is_no_candidate() -> None:
    """Better by a twentieth of the spread, beyond doubt on 20,000 prompts: not better by a tenth."""
    rng = np.random.default_rng(5)
    scores = Scores.of(rng.standard_normal((20_000, 8)) + np.r_[0.05, 0.2, np.zeros(6)], np.arange(20_000))
    assert confirmed(evidence(scores, rng, shuffles=200)).seeds == (1, 0)
    found = confirmed(evidence(scores, rng, shuffles=200, smallest=0.1))
    assert found.seeds == (1,) and found.slight == 1


def test_what_holds_on_one_half_of_the_prompts_only_is_not_borne_out() -> None:
    """A seed with all its lead on one group of thirty is at most a candidate; one that may not be golden gives way."""
    rng = np.random.default_rng(6)
    scores, _ = World(60, 10, 0.0).draw(rng)
    values = scores.values.copy()
    values[:2, 3] += 40.0
    assert confirmed(evidence(Scores.of(values, scores.member), rng)).seeds == ()
    values = scores.values + np.r_[np.zeros(5), 2.0, 1.5, np.zeros(3)]
    found = evidence(Scores.of(values, scores.member), rng)
    assert confirmed(found).seeds == (5, 6) and confirmed(found, most=1).seeds == (5,)
    without = confirmed(found, most=1, without=[5])
    assert without.seeds == (6,) and (without.sure, without.borne_out, without.barred) == (2, 2, (5,))


def test_equal_scores_give_no_golden_seed_and_wrong_use_is_a_sentence() -> None:
    rng = np.random.default_rng(7)
    flat = confirmed(evidence(Scores.of(np.ones((8, 4)), np.arange(8)), rng, k=2))
    assert flat.seeds == () and flat.tested == 4 and (flat.q == 1).all()
    with pytest.raises(StatisticsError, match="false discovery rate"):
        confirmed(evidence(Scores.of(rng.random((8, 4)), np.arange(8)), rng, k=2), rates=(0.05, 5))
