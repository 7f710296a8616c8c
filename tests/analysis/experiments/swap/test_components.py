"""Variance shares of two seeds and prompts: closed forms, planted shares, and nothing where there is nothing."""

import numpy as np
import pytest
from scipy.stats import kstest

from seedscope.analysis.experiments.swap.components import COMPONENTS, TOTALS, shares, variance_components
from seedscope.analysis.seeds.scores.scores import StatisticsError

PLANTED = {
    "initial": 0.30,
    "step": 0.10,
    "prompt": 0.20,
    "initial x step": 0.10,
    "initial x prompt": 0.10,
    "step x prompt": 0.05,
    "rest": 0.15,
}
AXES = {
    "initial": (1,),
    "step": (2,),
    "prompt": (0,),
    "initial x step": (1, 2),
    "initial x prompt": (0, 1),
    "step x prompt": (0, 2),
    "rest": (0, 1, 2),
}


def made(shape: tuple[int, int, int], variances: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """(P, A, B) values with normal effects of these variances."""
    found = np.zeros(shape)
    for name, variance in variances.items():
        size = [count if axis in AXES[name] else 1 for axis, count in enumerate(shape)]
        found = found + np.sqrt(variance) * rng.standard_normal(size)
    return found


def by_projections(grid: np.ndarray) -> np.ndarray:
    """(7,) components, each mean square by a projection of the whole vector of values, and expectations by their traces."""
    shape = grid.shape
    mean = [np.full((count, count), 1 / count) for count in shape]
    rest = [np.eye(count) - each for count, each in zip(shape, mean, strict=True)]
    projections, covariances = [], []
    for name in COMPONENTS:
        sides = [rest[axis] if axis in AXES[name] else mean[axis] for axis in range(3)]
        shared = [np.eye(shape[axis]) if axis in AXES[name] else np.ones((shape[axis],) * 2) for axis in range(3)]
        projections.append(np.kron(np.kron(sides[0], sides[1]), sides[2]))
        covariances.append(np.kron(np.kron(shared[0], shared[1]), shared[2]))
    ranks = [np.trace(each) for each in projections]
    values = grid.ravel()
    squares = [values @ each @ values / rank for each, rank in zip(projections, ranks, strict=True)]
    expected = [
        [np.trace(each @ other) / rank for other in covariances] for each, rank in zip(projections, ranks, strict=True)
    ]
    return np.linalg.solve(expected, squares)


def test_components_are_those_of_projections() -> None:
    grid = np.random.default_rng(0).standard_normal((4, 3, 5))
    np.testing.assert_allclose(variance_components(grid[..., None]), by_projections(grid), atol=1e-12)
    both = variance_components(np.stack([grid, 2 * grid], axis=-1))
    np.testing.assert_allclose(both, 5 * by_projections(grid), atol=1e-12, err_msg="variances of a vector add up")


def test_planted_shares_are_found_and_their_intervals_cover() -> None:
    rng, count = np.random.default_rng(1), 60
    truth = PLANTED | {name: sum(PLANTED[COMPONENTS[i]] for i in places) for name, places in TOTALS.items()}
    found = [shares(made((10, 7, 6), PLANTED, rng), np.arange(10), rng, shuffles=1).of for _ in range(count)]
    for name, share in truth.items():
        assert np.mean([each[name].variance for each in found]) == pytest.approx(share, abs=0.25 * share + 0.01), name
        covered = np.mean([each[name].lo <= share <= each[name].hi for each in found])
        assert covered >= 0.87, f"{name}: {covered:.2f}"
    assert np.mean([each["rest"].hi - each["rest"].lo for each in found]) < 0.3, "and they are no empty words"


def test_a_planted_step_seed_is_told_from_shuffles_and_none_is_not() -> None:
    rng = np.random.default_rng(2)
    without = {name: variance for name, variance in PLANTED.items() if "step" not in name}
    nothing = [shares(made((6, 4, 4), without, rng), np.arange(6), rng, shuffles=49) for _ in range(60)]
    assert kstest([each.p for each in nothing], "uniform", alternative="greater").pvalue > 0.01, "p is never too small"
    assert np.mean([each.p <= 0.05 for each in nothing]) <= 0.12
    assert np.mean([each.of["step"].share for each in nothing]) < 0.03
    assert np.mean([each.of["step"].lo == 0 for each in nothing]) >= 0.9
    planted = shares(made((6, 4, 4), without | {"step": 0.3}, rng), np.arange(6), rng, shuffles=99)
    assert planted.p == 0.01 and planted.of["step"].share > planted.null


@pytest.mark.parametrize("only", ["step x prompt", "initial x step"])
def test_a_step_seed_that_acts_only_with_the_prompt_or_the_first_noise_has_no_effect_of_its_own(only: str) -> None:
    rng = np.random.default_rng(7)
    mixed = {"initial": 0.2, "prompt": 0.2, only: 1.0, "rest": 0.1}
    found = [shares(made((6, 5, 4), mixed, rng), np.arange(6), rng, shuffles=39).p for _ in range(60)]
    assert np.mean(np.array(found) <= 0.05) < 0.15
    planted = shares(made((6, 5, 4), mixed | {"step": 9.0}, rng), np.arange(6), rng, shuffles=99)
    assert planted.p <= 0.02 and planted.of["step"].share > planted.null


def test_step_seeds_that_change_nothing_have_a_share_of_exactly_zero() -> None:
    rng = np.random.default_rng(3)
    values = np.repeat(made((5, 4, 1), {"initial": 1.0, "rest": 1.0}, rng), 4, axis=2)
    found = shares(values, np.arange(5), rng, shuffles=19)
    assert found.of["later"].share == found.of["step"].share == found.of["later"].variance == 0.0
    assert found.p == 1.0 and found.null == 0.0
    assert found.of["first"].share > 0.5


def test_scale_order_and_incomplete_prompts_change_nothing() -> None:
    rng = np.random.default_rng(4)
    values, groups = made((6, 4, 4), PLANTED, rng), np.array(list("aabbcd"))
    base = shares(values, groups, np.random.default_rng(0), shuffles=1)
    other = shares(7 - 3 * values[::-1, ::-1, ::-1], groups[::-1], np.random.default_rng(0), shuffles=1)
    more = np.concatenate([values, np.where(np.arange(16).reshape(4, 4) == 5, np.nan, values[:1])])
    holed = shares(more, [*groups, "e"], np.random.default_rng(0), shuffles=1)
    for each in (other, holed):
        for name, share in base.of.items():
            assert (each.of[name].share, each.of[name].lo, each.of[name].hi) == pytest.approx(
                (share.share, share.lo, share.hi), abs=1e-9
            )
    assert (holed.prompts, holed.groups, holed.left_out) == (6, 4, 1)


def test_prompts_of_a_group_are_left_out_together() -> None:
    values = np.repeat(made((4, 4, 4), {"prompt": 1.0, "rest": 0.2}, np.random.default_rng(5)), 6, axis=0)
    alone = shares(values, np.arange(24), np.random.default_rng(0), shuffles=1).of["prompt"]
    grouped = shares(values, np.arange(24) // 6, np.random.default_rng(0), shuffles=1).of["prompt"]
    assert grouped.share == alone.share and grouped.hi - grouped.lo > 1.5 * (alone.hi - alone.lo)


@pytest.mark.parametrize(
    ("values", "groups", "said"),
    [
        (np.ones((3, 3, 3)), [0, 1, 2], "It is the same for all pictures."),
        (np.random.default_rng(0).random((3, 3, 3)), [0, 0, 0], "1 group"),
        (np.random.default_rng(0).random((3, 1, 3)), [0, 1, 2], "1 initial"),
        (np.full((3, 3, 3), np.nan), [0, 1, 2], "0 group"),
    ],
)
def test_what_cannot_be_told_is_said(values: np.ndarray, groups: list[int], said: str) -> None:
    with pytest.raises(StatisticsError, match=said):
        shares(values, groups, np.random.default_rng(0))
