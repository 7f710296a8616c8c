"""Chosen seeds against random ones: right means, honest intervals, nothing where nothing can be said."""

import numpy as np
import pytest

from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.select.comparison import compare


def scores(rng: np.random.Generator, gain: float = 0.0, prompts: int = 40, seeds: int = 10) -> Scores:
    values = rng.normal(size=(prompts, seeds)) + 3.0
    values[:, :2] += gain
    return Scores.of(values, np.arange(prompts) // 4)


HALF = np.arange(40) >= 20
BEST, WORST = np.array([0, 1]), np.array([8, 9])


def test_the_means_are_those_of_the_prompts_asked_for() -> None:
    given = scores(np.random.default_rng(1), 1.0)
    found = compare(given, HALF, BEST, WORST)
    assert found is not None and found.chosen is not None and found.worst is not None
    part = given.values[HALF]
    assert found.random == pytest.approx(part.mean()) and found.groups == 5
    assert found.chosen.mean == pytest.approx(part[:, :2].mean() - part.mean())
    assert found.worst.mean == pytest.approx(part[:, 8:].mean() - part.mean())


def test_the_interval_covers_and_p_is_fair() -> None:
    rng = np.random.default_rng(2)
    inside, below = 0, 0
    for _ in range(400):
        found = compare(scores(rng), np.ones(40, bool), BEST, WORST)
        assert found is not None and found.chosen is not None
        chosen = found.chosen
        assert chosen.lo is not None and chosen.hi is not None and chosen.p is not None
        inside += chosen.lo <= 0 <= chosen.hi
        below += chosen.p < 0.05
        assert (chosen.p < 0.05) == (not chosen.lo <= 0 <= chosen.hi)
    assert 0.925 <= inside / 400 <= 0.975 and 0.025 <= below / 400 <= 0.075


def test_an_empty_set_one_group_and_no_prompts() -> None:
    given = scores(np.random.default_rng(3))
    found = compare(given, HALF, np.array([], np.intp), WORST)
    assert found is not None and found.chosen is None and found.worst is not None
    one = compare(given, np.arange(40) < 4, BEST, WORST)
    assert one is not None and one.chosen is not None and one.chosen.lo is None and one.chosen.p is None
    assert compare(given, np.zeros(40, bool), BEST, WORST) is None
