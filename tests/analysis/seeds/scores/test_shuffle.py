"""Shuffled scores: the same chance as full shuffles, uniform p-values under the null, gaps that stay where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_scores import WORLDS, World
from scipy import stats

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit, centre_by_prompt
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.shuffle import _packed, _shuffled_effects, score_null


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
    turns, full = _shuffled_effects(fit, rng, 1500), fully_shuffled(fit, rng, 1500)
    for statistic in (np.max, np.min, np.std):
        assert stats.ks_2samp(statistic(turns, axis=1), statistic(full, axis=1)).pvalue > 0.01
    np.testing.assert_allclose(turns.std(axis=0), full.std(axis=0), rtol=0.12)


@pytest.mark.parametrize("name", ["plain", "heavy tails", "missing cells", "groups"])
def test_p_values_are_uniform_where_no_seed_matters(name: str) -> None:
    """300 nulls: "seeds differ at all", one seed's and the best seed's p, none of them below 5 % too often."""
    rng, world = np.random.default_rng(3), replace(WORLDS[name], seeds=8, share=0.0)
    found = [score_null(additive_fit(world.draw(rng)[0]), "higher", rng, shuffles=99) for _ in range(300)]
    for p in ([one.differ for one in found], [one.seed[0] for one in found], [one.family.min() for one in found]):
        assert stats.kstest(p, "uniform").pvalue > 0.005
        assert np.mean(np.array(p) <= 0.05) < 0.085


def test_seeds_that_differ_are_found_in_the_right_direction() -> None:
    rng = np.random.default_rng(4)
    scores, _ = World(60, 20, 0.0).draw(rng, np.r_[0.8, np.zeros(18), -0.8])
    high, low = (score_null(additive_fit(scores), better, rng, shuffles=199) for better in ("higher", "lower"))
    assert high.differ == low.differ == pytest.approx(1 / 200)
    assert high.family[0] == low.family[19] == pytest.approx(1 / 200)
    assert high.seed[0] == pytest.approx(1 / (199 * 20 + 1)) and low.seed[0] == pytest.approx(1.0)
    assert high.observed.max() > high.best.max() and low.observed.min() < low.best.min()
    assert (high.best >= high.worst).all() and (low.best <= low.worst).all()
    assert high.deviation.shape == (199,)


def test_luck_with_an_object_is_no_evidence() -> None:
    """Groups whose prompts go together: shuffled by groups p is uniform, shuffled by prompts nearly always small."""
    rng, world = np.random.default_rng(5), World(seeds=10, share=0.0, sizes=(8,) * 25, alike=0.6)
    grouped, torn = [], []
    for _ in range(100):
        scores, _ = world.draw(rng)
        grouped.append(score_null(additive_fit(scores), "higher", rng, 49).differ)
        apart = Scores.of(scores.values, np.arange(len(scores.member)))
        torn.append(score_null(additive_fit(apart), "higher", rng, 49).differ)
    assert np.mean(np.array(grouped) <= 0.05) < 0.12
    assert np.mean(np.array(torn) <= 0.05) > 0.8


def test_only_present_cells_are_turned() -> None:
    unit = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    packed, places, length = _packed(unit, np.array([[True, False, True, True], [True] * 4]))
    np.testing.assert_array_equal(length, [3, 4])
    np.testing.assert_array_equal(packed, [[1, 3, 4, 1, 3, 4, 1, 3], [5, 6, 7, 8, 5, 6, 7, 8]])
    np.testing.assert_array_equal(places, [[0, 0, 1, 2], [0, 1, 2, 3]])


def test_the_same_generator_gives_the_same_null_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, _ = World(300, 6).draw(np.random.default_rng(6))
    fit = additive_fit(scores)
    one, two = (score_null(fit, "higher", np.random.default_rng(7), 20) for _ in range(2))
    np.testing.assert_array_equal(one.best, two.best)
    monkeypatch.setattr("seedscope.analysis.seeds.scores.shuffle.BLOCKS", 1)
    other = score_null(fit, "higher", np.random.default_rng(7), 400)
    assert other.best.mean() == pytest.approx(
        score_null(fit, "higher", np.random.default_rng(8), 400).best.mean(), rel=0.1
    )


def test_nothing_varies_or_nothing_is_asked() -> None:
    rng = np.random.default_rng(8)
    flat = score_null(additive_fit(Scores.of(np.ones((5, 4)), np.arange(5))), "higher", rng, 9)
    assert flat.differ == 1.0 and (flat.seed == 1.0).all() and (flat.family == 1.0).all()
    values = rng.random((6, 4))
    values[:, 2], values[3] = np.nan, np.nan
    gaps = score_null(additive_fit(Scores.of(values, np.arange(6))), "higher", rng, 9)
    assert np.isnan(gaps.observed[2]) and np.isnan(gaps.family[2]) and np.isfinite(gaps.family[[0, 1, 3]]).all()
    with pytest.raises(StatisticsError, match="0 shuffles"):
        score_null(additive_fit(Scores.of(rng.random((5, 4)), np.arange(5))), "higher", rng, 0)
