"""Rates a seed: Wilson's interval as scipy has it, missing cells, and the null."""

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from seedscope.analysis.seeds.scores.rates import rate_null, rates, wilson


def test_wilson_is_what_scipy_gives() -> None:
    events, n = np.array([0, 1, 7, 20, 20, 48]), np.array([5, 20, 20, 20, 400, 96])
    lo, hi = wilson(events, n)
    for i, (k, count) in enumerate(zip(events, n, strict=True)):
        theirs = binomtest(int(k), int(count)).proportion_ci(method="wilson")
        assert (lo[i], hi[i]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_missing_cell_is_counted_and_not_filled() -> None:
    nan = np.nan
    found = rates([[1, 0, nan], [1, nan, nan], [0, 0, nan], [1, 1, nan]])
    assert found.n.tolist() == [4, 3, 0] and found.events.tolist() == [3, 1, 0]
    assert found.rate[:2] == pytest.approx([0.75, 1 / 3])
    assert np.isnan([found.rate[2], found.lo[2], found.hi[2]]).all()


def test_the_interval_covers_prompts_of_different_rates() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.02, 0.6, (60, 1))
    found = rates((rng.random((60, 4000)) < truth).astype(float))
    covered = ((found.lo <= truth.mean()) & (truth.mean() <= found.hi)).mean()
    assert 0.95 <= covered <= 1.0


def test_p_values_are_uniform_where_no_seed_matters_and_some_cells_are_missing() -> None:
    rng = np.random.default_rng(2)
    ps = []
    for _ in range(200):
        grid = (rng.random((30, 12)) < rng.uniform(0.1, 0.7, (30, 1))).astype(float)
        grid[rng.random(grid.shape) < 0.05] = np.nan
        ps.append(rate_null(grid, rng, 99).p_value)
    assert kstest(ps, "uniform").pvalue > 0.01


def test_a_seed_that_shows_it_often_is_found() -> None:
    rng = np.random.default_rng(3)
    grid = (rng.random((60, 16)) < 0.1).astype(float)
    grid[:, 5] = rng.random(60) < 0.6
    null = rate_null(grid, rng, 199)
    assert null.p_value == 1 / 200
    assert rates(grid).rate[5] > null.worst.max()


def test_a_shuffle_keeps_each_prompts_cells() -> None:
    rng = np.random.default_rng(4)
    always = np.repeat([[1.0], [0.0]], 8, axis=1)
    always[0, 3] = np.nan
    null = rate_null(always, rng, 20)
    assert null.p_value == 1.0 and (null.best == rates(always).rate.min()).all()


@pytest.mark.parametrize(
    ("events", "sentence"),
    [([[0.5, 1]], "an event is 0, 1"), ([0, 1], "a grid"), (np.zeros((3, 1)), "of 1 seeds")],
)
def test_what_is_no_grid_of_events_is_refused(events: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rate_null(events, np.random.default_rng(0))
