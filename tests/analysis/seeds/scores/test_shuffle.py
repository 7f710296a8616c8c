"""Shuffled scores: the same chance as full shuffles, errors by their definition, gaps that stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_scores import UNEVEN, World
from scipy import stats

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores import shuffle
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit, centre_by_prompt
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.shuffle import _packed, shuffled


def fully_shuffled(fit: AdditiveFit, rng: np.random.Generator, shuffles: int) -> Array:
    """Effects (B, S) after full shuffles of the present cells of each prompt, by the definition."""
    values, present = fit.scores.values, fit.scores.present
    drawn = []
    for _ in range(shuffles):
        shuffled = values.copy()
        for row, there in zip(shuffled, present, strict=True):
            row[there] = rng.permutation(row[there])
        drawn.append(fit.inverse @ centre_by_prompt(shuffled)[1].sum(axis=0))
    return np.array(drawn)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_turns_give_the_chance_that_full_shuffles_give(missing: float) -> None:
    """Best, worst and spread of 1,500 turns and 1,500 full shuffles of scores with real effects: one distribution."""
    scores, _ = World(40, 16, 0.1, missing=missing).draw(np.random.default_rng(1))
    fit, rng = additive_fit(scores), np.random.default_rng(2)
    turns, full = shuffled(fit, rng, 1500).chance.effect, fully_shuffled(fit, rng, 1500)
    for statistic in (np.max, np.min, np.std):
        assert stats.ks_2samp(statistic(turns, axis=1), statistic(full, axis=1)).pvalue > 0.01
    np.testing.assert_allclose(turns.std(axis=0), full.std(axis=0), rtol=0.12)


@pytest.mark.parametrize("sizes", [(1,) * 30, (3,) * 10, UNEVEN])
def test_a_shuffle_has_the_effects_and_errors_of_its_own_scores(sizes: tuple[int, ...]) -> None:
    """Those of the seeds as they are equal the clustered errors; those of a turned grid those that its scores give."""
    scores, _ = World(seeds=9, share=0.0, sizes=sizes, alike=0.3).draw(np.random.default_rng(3))
    fit = additive_fit(scores)
    found = shuffled(fit, np.random.default_rng(4), 50)
    np.testing.assert_allclose(found.observed.effect, fit.seed, atol=1e-12)
    np.testing.assert_allclose(found.observed.error, seed_effects(fit).se, rtol=1e-9)
    assert (found.freedom == len(sizes) - 1).all()
    np.testing.assert_allclose(found.chance.effect.sum(axis=1), 0, atol=1e-12)
    assert found.chance.error.mean() == pytest.approx(found.observed.error.mean(), rel=0.15)
    assert found.chance.effect.std() == pytest.approx(np.sqrt((found.chance.error**2).mean()), rel=0.1)


def test_two_measures_of_the_same_cells_are_shuffled_alike() -> None:
    scores, _ = World(20, 8, missing=0.2).draw(np.random.default_rng(5))
    twice = Scores(-2.0 * scores.values + 1.0, scores.groups, scores.member)
    one, other = (shuffled(additive_fit(each), np.random.default_rng(6), 30).chance for each in (scores, twice))
    np.testing.assert_allclose(other.effect, -2.0 * one.effect, atol=1e-12)
    np.testing.assert_allclose(other.error, 2.0 * one.error, atol=1e-9)


def test_only_present_cells_are_turned() -> None:
    unit = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    packed, places, length = _packed(unit, np.array([[True, False, True, True], [True] * 4]))
    np.testing.assert_array_equal(length, [3, 4])
    np.testing.assert_array_equal(packed, [[1, 3, 4, 1, 3, 4, 1, 3], [5, 6, 7, 8, 5, 6, 7, 8]])
    np.testing.assert_array_equal(places, [[0, 0, 1, 2], [0, 1, 2, 3]])


def test_very_many_groups_are_turned_in_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Effects as they are, and chance spreads as it does for single groups."""
    scores, _ = World(300, 6).draw(np.random.default_rng(7))
    fit = additive_fit(scores)
    one, again = (shuffled(fit, np.random.default_rng(8), 400).chance for _ in range(2))
    np.testing.assert_array_equal(one.effect, again.effect)
    monkeypatch.setattr(shuffle, "MOST_GROUPS", 60)
    sets = shuffled(fit, np.random.default_rng(9), 400)
    np.testing.assert_allclose(sets.observed.effect, fit.seed, atol=1e-12)
    assert (sets.freedom == 59).all()
    assert sets.chance.effect.std() == pytest.approx(one.effect.std(), rel=0.1)


def test_nothing_varies_or_nothing_is_asked() -> None:
    rng = np.random.default_rng(10)
    flat = shuffled(additive_fit(Scores.of(np.full((5, 4), 0.1), np.arange(5))), rng, 9)
    for found in (flat.observed, flat.chance):
        assert (found.effect == 0).all() and (found.error == 0).all()
    with pytest.raises(StatisticsError, match="0 shuffles"):
        shuffled(additive_fit(Scores.of(rng.random((5, 4)), np.arange(5))), rng, 0)
