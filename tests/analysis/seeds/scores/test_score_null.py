"""Seeds against shuffled scores: p-values and intervals that hold for skewed, rare and tied scores, with groups and gaps."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from claims import NOISE
from made_up_evidence import null_of
from made_up_scores import World
from scipy import stats

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.shuffle import shuffled

SHAPE = (24, 16)


@pytest.mark.parametrize(
    ("kind", "groups"),
    [
        *product(("normal", "lognormal", "t3", "binary 2 %", "binary 10 %"), [24]),
        *product(("lognormal", "binary 10 %"), [6]),
    ],
)
def test_where_no_seed_matters_claims_are_as_rare_as_they_say(kind: str, groups: int) -> None:
    """150 studies, a tenth of the cells missing: candidates in about 5 % either way, 95 % of intervals hold; twice as many for
    a t-test of lognormal scores."""
    rng, member = np.random.default_rng(1), np.arange(SHAPE[0]) % groups
    candidates, hits, differ = [], [], []
    for _ in range(150):
        values = NOISE[kind](rng, SHAPE) + rng.standard_normal((SHAPE[0], 1)) * ("binary" not in kind)
        values[rng.random(SHAPE) < 0.1] = np.nan
        if np.nanmax(np.abs(values)) == 0:
            continue
        found = shuffled(additive_fit_of(values, member), rng, 120)
        nulls = [score_null(found, better) for better in ("higher", "lower")]
        candidates += [float(np.nanmin(q_values(null.p))) <= 0.05 for null in nulls]
        low, high = nulls[0].intervals(nulls[0].alone)
        hits.append(np.mean((low <= 1e-9) & (high >= -1e-9)))
        differ.append(nulls[0].differ)
    assert np.mean(candidates) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(candidates))
    assert 0.93 < np.mean(hits) < 0.98
    assert np.mean(np.array(differ) <= 0.05) < 0.1


def additive_fit_of(values: Array, groups: npt.NDArray[np.intp]) -> AdditiveFit:

    return additive_fit(Scores.of(values, groups))


def test_seeds_without_a_rare_event_are_not_better_than_those_with_one() -> None:
    """13 of 768 pictures show text: by Student's t, the 24 seeds without any are better at q = 0.002; chance says p > 0.5."""
    rng, events = np.random.default_rng(2), np.zeros((24, 32))
    events.flat[rng.choice(768, 13, replace=False)] = 1
    null = null_of(events, np.arange(24), rng, "lower")
    assert (null.p[events.sum(axis=0) == 0] > 0.5).all() and (q_values(null.p) > 0.5).all()


def test_one_bad_seed_makes_no_other_better() -> None:
    rng, worst = np.random.default_rng(3), np.zeros(24)
    worst[5] = -10.0
    found = [null_of(rng.standard_normal((50, 24)) + worst, np.arange(50), rng, shuffles=200) for _ in range(40)]
    assert np.mean([q_values(null.p).min() <= 0.05 for null in found]) < 0.16
    assert all(abs(np.median(null.effect)) < 1e-12 and null.effect[5] < -9 for null in found)


def test_p_values_are_uniform_and_those_of_the_best_seed_too() -> None:
    rng, world = np.random.default_rng(4), World(40, 8, share=0.0, heavy=True)
    found = [score_null(shuffled(additive_fit(world.draw(rng)[0]), rng, 99), "higher") for _ in range(200)]
    for p in ([one.differ for one in found], [one.p[0] for one in found], [one.family.min() for one in found]):
        assert stats.kstest(p, "uniform").pvalue > 0.005


def test_seeds_that_differ_are_found_in_the_right_direction() -> None:
    rng = np.random.default_rng(5)
    scores, _ = World(60, 20, 0.0).draw(rng, np.r_[0.9, np.zeros(18), -0.9])
    found = shuffled(additive_fit(scores), rng, 199)
    high, low = score_null(found, "higher"), score_null(found, "lower")
    assert high.differ == low.differ == pytest.approx(1 / 200)
    assert high.family[0] == low.family[19] == pytest.approx(1 / 200)
    assert high.p[0] == pytest.approx(1 / (199 * 20 + 1)) and low.p[0] > 0.99
    assert high.effect.max() > high.best.max() and low.effect.min() < low.best.min()
    assert (high.best >= high.worst).all() and (low.best <= low.worst).all()
    best, worst = high.ranks("higher")
    assert (best[0], worst[19]) == (1, 20) and worst[0] < 20 and best[19] > 1
    backwards = low.ranks("lower")
    np.testing.assert_array_equal(backwards[0], 21 - worst)


@pytest.mark.parametrize("sd", [0.0, 0.4])
def test_intervals_of_all_seeds_and_ranks_hold_together(sd: float) -> None:
    """In 95 % of 150 studies (binomial s.d. 1.8 %) no seed lies outside, so that the best one does not either."""
    rng, together, ranks = np.random.default_rng(6), [], []
    for _ in range(150):
        truth = sd * rng.standard_normal(12)
        null = null_of(rng.standard_normal((30, 12)) + truth, np.arange(30), rng, shuffles=200)
        low, high = null.intervals(null.together)
        over = truth - np.median(truth)
        together.append(((low <= over + 1e-9) & (over - 1e-9 <= high)).all())
        best, worst = null.ranks("higher")
        better = (truth[:, None] > truth + 1e-12).sum(axis=0)
        as_good = (truth[:, None] >= truth - 1e-12).sum(axis=0)
        ranks.append(((best <= as_good) & (better + 1 <= worst)).all())
    assert np.mean(together) > 0.9 and np.mean(ranks) > 0.9


def test_nothing_varies_a_seed_without_scores_and_a_single_group() -> None:
    rng = np.random.default_rng(7)
    flat = null_of(np.ones((5, 4)), np.arange(5), rng)
    assert flat.differ == 1.0 and (flat.p == 1.0).all() and (flat.family == 1.0).all()
    values = rng.random((6, 4))
    values[:, 2], values[3] = np.nan, np.nan
    gaps = null_of(values, np.arange(6), rng)
    for each in (gaps.effect, gaps.p, gaps.family, gaps.error, *gaps.ranks("higher")):
        assert np.isnan(each[2]) and np.isfinite(each[[0, 1, 3]]).all()
    one = null_of(rng.random((6, 5)), np.zeros(6), rng)
    assert np.isnan(one.p).all() and one.differ > 0.05 and not one.judged.any()
