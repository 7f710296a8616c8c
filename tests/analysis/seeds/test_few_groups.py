"""Intervals over two or three groups of prompts, everywhere they are taken: Student's t of one or two degrees of freedom."""

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp

from seedscope.analysis.seeds.distances.bootstrap import paired_bootstrap
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import for_all_seeds, seed_effects
from seedscope.analysis.seeds.scores.outlying import shuffled_alike
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.shrinkage import shrink
from seedscope.analysis.seeds.scores.variance import variance_shares
from seedscope.analysis.select.diversity import mean_interval

SEEDS, EACH = 8, 4
pytestmark = pytest.mark.parametrize("groups", [2, 3])


def scores_of(groups: int) -> Scores:
    values = np.random.default_rng(groups).normal(size=(groups * EACH, SEEDS))
    return Scores.of(values, np.repeat(np.arange(groups), EACH))


def ratio(groups: int) -> float:
    return float(t.ppf(0.975, groups - 1) / t.ppf(0.75, groups - 1))


def by_scipy(values: np.ndarray, groups: int) -> tuple[float, float]:
    """The interval of the mean of values (P,) whose groups are as large as each other: a t-test of the groups' means."""
    found = ttest_1samp(values.reshape(groups, EACH).mean(axis=1), 0.0).confidence_interval(0.95)
    return float(found.low), float(found.high)


def test_effects_and_shrunk_effects(groups: int) -> None:
    """At 95 % they are wider than at 50 % by the ratio of the quantiles of G - 1 degrees of freedom."""
    fit = additive_fit(scores_of(groups))
    wide, narrow = (seed_effects(fit, level) for level in (0.95, 0.5))
    np.testing.assert_allclose(wide.freedom, groups - 1)
    np.testing.assert_allclose((wide.hi - wide.lo) / (narrow.hi - narrow.lo), ratio(groups))
    far, near = shrink(wide), shrink(narrow)
    np.testing.assert_allclose((far.hi - far.lo) / (near.hi - near.lo), ratio(groups))


def test_effects_beside_shuffled_scores(groups: int) -> None:
    """Of two groups, too few to judge seeds by shuffles, they stay Student's t, and for all seeds at once by Bonferroni."""
    fit = additive_fit(scores_of(groups))
    null = score_null(shuffled_alike(fit, np.random.default_rng(0), 99), "higher")
    own, plain = (seed_effects(fit, null=given) for given in (null, None))
    lo, hi = for_all_seeds(own, null)
    if groups == 2:
        np.testing.assert_array_equal(own.hi, plain.hi)
        wider = t.isf(0.025 / SEEDS, 1) / t.isf(0.025, 1)
        np.testing.assert_allclose((hi - lo) / (own.hi - own.lo), wider)
    else:
        np.testing.assert_array_equal((lo, hi), null.intervals(null.together))
        np.testing.assert_array_equal((own.lo, own.hi), null.intervals(null.alone))


def test_distances(groups: int) -> None:
    influence = np.random.default_rng(9).normal(size=groups)
    influence -= influence.mean()
    seeds = [Jackknife(float(i), 12, np.arange(groups), influence * (1 + i)) for i in range(3)]
    found = paired_bootstrap(seeds, np.random.default_rng(0), 20, floor=-np.inf)
    for each in (found.distance, found.difference):
        np.testing.assert_allclose(each.hi - each.estimate, t.ppf(0.975, groups - 1) * each.se)


def test_similarities(groups: int) -> None:
    values = np.random.default_rng(4).normal(size=groups * EACH)
    assert mean_interval(values, np.repeat(np.arange(groups), EACH), 0.95) == pytest.approx(by_scipy(values, groups))


def test_shares_of_variance_are_unsure_of_few_groups(groups: int) -> None:
    """Likewise, in log odds."""
    fit = additive_fit(scores_of(groups))
    wide, narrow = (variance_shares(fit, seed_effects(fit), level).rest for level in (0.95, 0.5))
    assert wide.lo is not None and wide.hi is not None and narrow.lo is not None and narrow.hi is not None
    odds = [np.log(end / (1 - end)) for end in (wide.lo, wide.hi, narrow.lo, narrow.hi)]
    assert (odds[1] - odds[0]) / (odds[3] - odds[2]) == pytest.approx(ratio(groups), rel=1e-6)
