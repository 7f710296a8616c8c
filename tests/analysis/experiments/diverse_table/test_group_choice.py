"""The best group of few is the best of all groups, and an exchange betters no group that is found."""

from itertools import combinations

import numpy as np
import pytest

from seedscope.analysis.experiments.diverse_table import group_choice
from seedscope.analysis.experiments.diverse_table.group_choice import best_group, worth
from seedscope.analysis.seeds.distances.moments import Array


def drawn(count: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=(count, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return rng.normal(size=count), 1 - unit @ unit.T


def value(unary: Array, pair: Array, weight: float, group: tuple[int, ...]) -> float:
    """The objective as it is written."""
    return float(sum(unary[i] for i in group) + weight * sum(pair[i, j] for i, j in combinations(group, 2)))


@pytest.mark.parametrize("weight", [0.0, 0.5, 4.0])
def test_few_groups_are_all_looked_at(weight: float) -> None:
    unary, pair = drawn(9)
    best = max(combinations(range(9), 4), key=lambda group: value(unary, pair, weight, group))
    assert tuple(best_group(unary, pair, weight, 4).tolist()) == best


@pytest.mark.parametrize("seed", range(5))
def test_of_many_an_exchange_gains_nothing_and_little_is_lost(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    unary, pair = drawn(14, seed)
    exact = value(unary, pair, 1.5, tuple(best_group(unary, pair, 1.5, 4)))
    monkeypatch.setattr(group_choice, "MOST_EXACT", 0)
    found = best_group(unary, pair, 1.5, 4).tolist()
    own = value(unary, pair, 1.5, tuple(found))
    others = [each for each in range(14) if each not in found]
    for out in found:
        for other in others:
            exchanged = tuple(sorted({*found, other} - {out}))
            assert value(unary, pair, 1.5, exchanged) <= own + 1e-9
    assert exact - 0.3 <= own <= exact + 1e-9


def test_without_weight_the_best_are_taken_and_worth_is_the_objective() -> None:
    unary, pair = drawn(40)
    assert set(best_group(unary, pair, 0.0, 4).tolist()) == set(np.argsort(-unary)[:4].tolist())
    groups = np.array([[0, 1, 2, 3], [5, 9, 11, 39]])
    expected = [value(unary, pair, 2.0, tuple(group)) for group in groups]
    np.testing.assert_allclose(worth(unary, pair, 2.0, groups), expected)
    with pytest.raises(ValueError, match="a group of 5 out of 4"):
        best_group(unary[:4], pair[:4, :4], 1.0, 5)
