"""Golden seeds by rule: none where no seed is better than chance, the true ones where they are, the published rule as it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from made_up_scores import UNEVEN, WORLDS, World
from scipy.optimize import brentq
from scipy.stats import norm

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.split import effects_of_parts, split_prompts
from seedscope.analysis.select import confirmed as rule
from seedscope.analysis.select.confirmed import Confirmed
from seedscope.analysis.select.overlap import overlap_rule

NULLS = {
    "plain": World(80, 32, 0.0),
    "heavy tails, missing cells": World(80, 32, 0.0, heavy=True, missing=0.1),
    "groups": World(seeds=32, share=0.0, sizes=(4,) * 40, alike=0.5),
    "uneven groups": World(seeds=32, share=0.0, sizes=UNEVEN * 2, alike=0.5),
}


def confirmed(scores: Scores, ranking: npt.NDArray[np.bool_], better: Better, rate: float = 0.05) -> Confirmed:
    return rule.confirmed(*effects_of_parts(scores, ranking), better, rate)


def chosen(world: World, rng: np.random.Generator, seed: Array | None = None) -> tuple[Confirmed, Array]:
    scores, truth = world.draw(rng, seed)
    return confirmed(scores, split_prompts(scores.member, rng), "higher"), truth


@pytest.mark.parametrize("name", NULLS)
def test_without_seed_effects_the_list_is_empty(name: str) -> None:
    """In at least 95 % of 200 runs; candidates, before they are confirmed, in about 5 % (binomial s.d. 1.5 %)."""
    rng = np.random.default_rng(1)
    found = [chosen(NULLS[name], rng)[0] for _ in range(200)]
    assert sum(one.seeds == () for one in found) >= 190
    assert sum(one.candidates == () for one in found) >= 180
    assert all(one.advantage is None for one in found if not one.candidates)


def found_in_theory(world: World, rate: float) -> float:
    """Share of many seeds with normal true effects that Benjamini-Hochberg finds on half of the prompts.

    The threshold z solves P(p-value below Phi(-z)) = Phi(-z) / rate (Genovese, Wasserman 2002, theorem 1).
    """
    ratio = np.sqrt(1 + world.spread / (2 * world.noise))
    z = brentq(lambda z: norm.sf(z) - rate * norm.sf(z / ratio), 0.0, 8.0)
    return float(norm.sf(z / ratio))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_golden_seeds_are_as_many_as_theory_says_and_really_better(share: float) -> None:
    """Fewer than 5 % of them are not better, and the advantage is the true one, though the best were picked."""
    rng, world, count, wrong, hits, gaps = np.random.default_rng(2), World(100, 64, share), [], [], [], []
    for _ in range(150):
        found, truth = chosen(world, rng)
        count.append(len(found.candidates) / 64)
        if found.advantage is not None:
            picked = truth[list(found.candidates)]
            wrong.append(np.mean(picked <= 0))
            hits.append(found.advantage.lo <= picked.mean() <= found.advantage.hi)
            gaps.append(found.advantage.mean - picked.mean())
    assert np.mean(count) == pytest.approx(found_in_theory(world, 0.05), abs=0.01)
    assert np.mean(wrong) < 0.05
    assert 0.9 < np.mean(hits) < 0.99
    assert abs(np.mean(gaps)) < 0.02


def test_a_wrong_direction_finds_the_bad_ones() -> None:
    rng, seed = np.random.default_rng(3), np.r_[1.0, 0.7, np.zeros(10), -1.0]
    scores, _ = World(200, 13, 0.0).draw(rng, seed)
    ranking = split_prompts(scores.member, rng)
    assert confirmed(scores, ranking, "higher").seeds[:2] == (0, 1)
    lower = confirmed(scores, ranking, "lower")
    assert lower.seeds[0] == 12 and lower.advantage is not None and lower.advantage.mean > 0.9


def test_the_advantage_is_that_of_the_candidates_over_all_seeds() -> None:
    rng = np.random.default_rng(4)
    scores, _ = WORLDS["uneven groups"].draw(rng)
    ranking = split_prompts(scores.member, rng)
    found, other = confirmed(scores, ranking, "higher"), scores.values[~ranking]
    assert found.advantage is not None
    by_hand = other[:, list(found.candidates)].mean(axis=1) - other.mean(axis=1)
    assert found.advantage.mean == pytest.approx(by_hand.mean())
    pair = np.column_stack([by_hand, -by_hand])
    effects = seed_effects(additive_fit(Scores.of(pair, scores.member[~ranking])))
    assert found.advantage.se == pytest.approx(effects.se[0])
    assert (found.advantage.lo, found.advantage.hi) == pytest.approx((effects.lo[0], effects.hi[0]))
    assert (found.tested, found.advantage.groups) == (32, len(np.unique(scores.member[~ranking])))


def test_what_does_not_hold_up_is_not_golden() -> None:
    """A seed that shines on the ranking prompts alone stays a candidate."""
    scores, _ = World(100, 10, 0.0).draw(np.random.default_rng(5))
    values, ranking = scores.values.copy(), np.arange(100) < 50
    values[:, 3] += np.where(ranking, 1.5, -0.5)
    found = confirmed(Scores.of(values, np.arange(100)), ranking, "higher")
    assert found.candidates == (3,) and found.seeds == ()
    assert found.advantage is not None and found.advantage.lo < 0
    values[~ranking, 3] = np.nan
    gone = confirmed(Scores.of(values, np.arange(100)), ranking, "higher")
    assert gone.candidates == (3,) and gone.seeds == () and gone.advantage is None


def test_one_group_to_confirm_on_or_equal_scores_give_no_golden_seed() -> None:
    rng = np.random.default_rng(6)
    values, groups = rng.standard_normal((40, 6)) * 0.1 + [1, 0, 0, 0, 0, 0], np.r_[np.arange(20), np.full(20, 99)]
    found = confirmed(Scores.of(values, groups), np.arange(40) < 20, "higher")
    assert found.candidates == (0,) and found.seeds == () and found.advantage is None
    flat = confirmed(Scores.of(np.ones((8, 4)), np.arange(8)), np.arange(8) < 4, "higher")
    assert flat.seeds == () and flat.tested == 4 and (flat.q == 1).all()


def test_bad_parts_are_sentences() -> None:
    scores = Scores.of(np.random.default_rng(7).random((6, 3)), ["cat", "cat", "dog", "dog", "owl", "owl"])
    with pytest.raises(StatisticsError, match="6 of 6 prompts to rank on"):
        confirmed(scores, np.ones(6, bool), "higher")
    with pytest.raises(StatisticsError, match="group 'dog' has prompts in both parts"):
        confirmed(scores, np.arange(6) < 3, "higher")
    with pytest.raises(StatisticsError, match="false discovery rate"):
        confirmed(scores, np.arange(6) < 4, "higher", rate=5)


def test_the_overlap_rule() -> None:
    distance = np.array([5.0, 1.0, 2.0, 3.0, np.nan, 9.0, 8.0, 7.0])
    preference = np.array([0.9, 0.1, 0.8, 0.7, 0.99, 0.2, 0.3, 0.3])
    found = overlap_rule(distance, preference, 3, "lower", "higher")
    assert found.seeds == (2, 3)
    assert (found.overlap.shared, found.overlap.seeds, found.overlap.expected) == (2, 7, pytest.approx(9 / 7))
    assert found.tied == (0, 0) and found.overlap.p == pytest.approx(13 / 35)
    assert overlap_rule(distance, preference, 4, "lower", "higher").tied == (0, 1)
    assert overlap_rule(-distance, preference, 1, "higher", "lower").seeds == (1,)
    assert overlap_rule([1.0, 2.0], [1.0, 2.0], 1, "lower", "higher").seeds == ()
    with pytest.raises(StatisticsError, match="top 8 of 7"):
        overlap_rule(distance, preference, 8, "lower", "higher")
    with pytest.raises(StatisticsError, match="one value a seed"):
        overlap_rule(distance, preference[:3], 1, "lower", "higher")
