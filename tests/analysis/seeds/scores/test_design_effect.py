"""Effective cells: in closed form for groups that go together, of all seeds where a seed shows little, never more than n."""

import numpy as np
import pytest
from scipy.stats import binomtest, t

from seedscope.analysis.seeds.scores.design_effect import effective_cells
from seedscope.analysis.seeds.scores.rates import rates

GROUPS = np.repeat(np.arange(8), 4)
LEVEL = 0.95


def of_freedom(cells: int, groups: int) -> float:
    return float((t.ppf(0.975, cells - 1) / t.ppf(0.975, groups - 1)) ** 2)


def test_prompts_that_go_together_are_worth_a_cell_a_group() -> None:
    """All or nothing in each of 8 groups of 4: variance over groups 8 / 7 p q / 8, of cells 32 / 31 p q / 32."""
    grid = (np.isin(GROUPS, [0, 3, 4, 6]).astype(float))[:, None]
    effect = (8 / 7 / 8) / (32 / 31 / 32)
    assert effective_cells(grid, GROUPS, LEVEL) == pytest.approx([32 / effect * of_freedom(32, 8)])
    assert effective_cells(grid, GROUPS, LEVEL)[0] < 8


def test_luck_of_prompts_alone_costs_only_degrees_of_freedom() -> None:
    grid = (np.random.default_rng(1).random((32, 400)) < 0.4).astype(float)
    worth = effective_cells(grid, GROUPS, LEVEL) / (32 * of_freedom(32, 8))
    assert worth.max() == pytest.approx(1.0) and np.median(worth) > 0.9


def test_a_seed_of_few_events_takes_what_all_seeds_show() -> None:
    """Two events in one group say nothing; other seeds with events in whole groups do. Nor do 0 or n events."""
    whole = np.stack([np.isin(GROUPS, groups) for groups in ([0, 3, 4, 6], [1, 2, 3, 7], [0, 1, 5, 6])], axis=1)
    few = np.zeros((32, 3))
    few[0, 1], few[:, 2] = 1.0, 1.0
    worth = effective_cells(np.concatenate([whole, few], axis=1).astype(float), GROUPS, LEVEL)
    assert worth[3:] == pytest.approx(np.full(3, worth[3])) and worth[3] == pytest.approx(worth[0], rel=0.1)
    alone = effective_cells(few, GROUPS, LEVEL)
    assert alone == pytest.approx(np.full(3, 32 * of_freedom(32, 8)))


def test_no_event_anywhere_and_events_everywhere_have_one_sided_intervals() -> None:
    worth = 32 * of_freedom(32, 8)
    found = rates(np.repeat([[0.0, 1.0]], 32, axis=0), GROUPS)
    assert found.lo.tolist()[0] == 0.0 and found.hi.tolist()[1] == 1.0
    assert found.hi[0] == pytest.approx(1.959964**2 / (worth + 1.959964**2), rel=1e-6) == 1 - found.lo[1]
    assert found.hi[0] > binomtest(0, 32).proportion_ci(method="wilson").high


def test_two_groups_take_the_quantile_of_one_degree_of_freedom() -> None:
    grid = np.tile([1.0, 0.0], 8)[:, None]
    assert effective_cells(grid, np.repeat([0, 1], 8), LEVEL) == pytest.approx([16 * (2.1314 / 12.706) ** 2], rel=1e-4)


def test_cells_of_one_group_only_say_nothing_of_others() -> None:
    nan = np.nan
    grid = np.array([[1.0, 1.0, nan, 0.0], [0.0, nan, nan, 1.0], [nan, nan, nan, 1.0], [nan, nan, nan, 0.0]])
    worth = effective_cells(grid, ["a", "a", "b", "c"], LEVEL)
    assert np.isnan(worth[[0, 2]]).all() and worth[1] == 1.0 and worth[3] > 0
    found = rates(grid, ["a", "a", "b", "c"])
    assert found.rate[0] == 0.5 and np.isnan([found.lo[0], found.hi[0]]).all()


def test_the_order_of_prompts_and_the_names_of_groups_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    grid = (rng.random((32, 5)) < 0.4).astype(float)
    grid[rng.random(grid.shape) < 0.1] = np.nan
    order = rng.permutation(32)
    names = np.array(list("hgfedcba"))[GROUPS]
    np.testing.assert_allclose(
        effective_cells(grid[order], names[order], LEVEL), effective_cells(grid, GROUPS, LEVEL), rtol=1e-12
    )
    with pytest.raises(ValueError, match="31 labels of groups for 32 prompts"):
        effective_cells(grid, GROUPS[1:], LEVEL)
