"""The best seeds against random ones on other halves: no luck in the mean, and intervals that hold."""

import numpy as np
import pytest

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit
from seedscope.analysis.seeds.scores.halvings import Halvings, among_best, halvings
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.select.comparison import compare, difference


def halved(values: Array, names: Array) -> tuple[AdditiveFit, Halvings]:
    fit = additive_fit(Scores.of(values, names))
    found = halvings(fit)
    assert found is not None
    return fit, found


@pytest.mark.parametrize("sd", [0.0, 0.4])
def test_the_mean_is_that_of_seeds_which_other_prompts_chose(sd: float) -> None:
    """150 studies of 16 seeds x 24 prompts: on average the true lead of the two that halves choose, with honest intervals."""
    rng, gaps, hits = np.random.default_rng(1), [], []
    for _ in range(150):
        truth = sd * rng.standard_normal(16)
        fit, halves = halved(rng.standard_normal((24, 16)) + truth, rng.permutation(10**6)[:24])
        found = compare(fit, halves, "higher", 2)
        assert found is not None and found.chosen.lo is not None and found.chosen.hi is not None
        true = (among_best(halves.first, 2) / 2 @ (truth - truth.mean())).mean()
        gaps.append(found.chosen.mean - true)
        hits.append(found.chosen.lo <= true <= found.chosen.hi)
        assert found.worst.mean < found.chosen.mean + 0.8 and found.groups == 24
    assert abs(np.mean(gaps)) < 0.03 and np.mean(hits) > 0.93


def test_another_measure_of_the_seeds_that_were_chosen() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.standard_normal((2, 40, 10))
    first[:, 3] += 3.0
    second[:, 3] -= 1.0
    names = np.arange(40)
    found = compare(halved(second, names)[0], halved(first, names)[1], "higher", 1)
    assert found is not None and found.chosen.mean == pytest.approx(-0.9, abs=0.4)
    assert found.random == pytest.approx(second.mean(), abs=1e-9)
    assert found.chosen.hi is not None and found.chosen.hi < 0


def test_random_seeds_are_those_not_far_off() -> None:
    """Nothing but one bad seed of 24: the best 4 of halves were 2 s.d. above random ones."""
    values, far = np.random.default_rng(4).standard_normal((48, 24)), np.arange(24) == 7
    alone = compare(*halved(values[:, ~far], np.arange(48)), "higher", 4)
    values[:, 7] -= 50.0
    fit, halves = halved(values, np.arange(48))
    beside, naive = compare(fit, halves, "higher", 4, far=far), compare(fit, halves, "higher", 4)
    assert alone is not None and beside is not None and naive is not None and naive.chosen.mean > 1.9
    assert beside.chosen.mean == pytest.approx(alone.chosen.mean, abs=1e-9)
    assert beside.random == pytest.approx(alone.random, abs=1e-9) and beside.worst.mean < -10


def test_one_group_or_no_error() -> None:
    rng = np.random.default_rng(3)
    values = rng.random((6, 4))
    _, halves = halved(values, np.arange(6))
    assert compare(additive_fit(Scores.of(values, np.zeros(6))), halves, "higher", 1) is None
    for se in (0.0, np.nan):
        assert difference(1.0, se, 3.0, 0.95).lo is None
    found = difference(1.0, 0.1, 3.0, 0.95)
    assert (
        found.lo is not None
        and found.lo == pytest.approx(1 - 0.318245, abs=1e-5)
        and found.p == pytest.approx(0.002128, abs=1e-5)
    )
