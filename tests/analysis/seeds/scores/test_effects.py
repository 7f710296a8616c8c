"""Effects of seeds: exact least squares, errors as the full matrices give them, coverage where the truth is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from made_up_scores import UNEVEN, WORLDS, World
from scipy import stats

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.effects import Effects, mean_of, seed_effects
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError, sign
from seedscope.analysis.seeds.scores.shuffle import shuffled


def effects_of(values: npt.ArrayLike, groups: npt.ArrayLike) -> Effects:
    return seed_effects(additive_fit(Scores.of(values, groups)))


def dummies(scores: Scores) -> tuple[Array, Array, npt.NDArray[np.intp]]:
    """Design matrix (N, P + S), scores (N,) and groups (N,) of the cells that are there."""
    prompt, seed = np.nonzero(scores.present)
    design = np.hstack([np.eye(scores.values.shape[0])[prompt], np.eye(scores.values.shape[1])[seed]])
    return design, scores.values[prompt, seed], scores.member[prompt]


@pytest.mark.parametrize("missing", [0.0, 0.05, 0.6])
def test_the_fit_is_that_of_a_regression_on_dummies(missing: float) -> None:
    scores, _ = World(20, 7, 0.1, missing=missing).draw(np.random.default_rng(1))
    fit, (design, values, _) = additive_fit(scores), dummies(scores)
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    assert np.abs(fit.seed - (coefficients[20:] - coefficients[20:].mean())).max() < 1e-12
    assert np.abs(fit.residual[scores.present] - (values - design @ coefficients)).max() < 1e-12
    assert (fit.residual[~scores.present] == 0).all()
    seen = scores.present.any(axis=1)
    assert np.abs(fit.prompt - (coefficients[:20] + coefficients[20:].mean()))[seen].max() < 1e-12
    assert np.isnan(fit.prompt[~seen]).all() and seen.all() == (missing < 0.5)


def test_a_complete_grid_gives_prompt_centred_means() -> None:
    scores, _ = World(30, 9).draw(np.random.default_rng(2))
    centred = scores.values - scores.values.mean(axis=1, keepdims=True)
    found = seed_effects(additive_fit(scores))
    mean = centred.mean(axis=0)
    np.testing.assert_allclose(found.effect, mean - np.median(mean), atol=1e-14)
    np.testing.assert_allclose(found.se, stats.sem(centred, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.freedom, 29.0)
    near = (np.abs(found.effect) <= 1.5 * np.sqrt((found.se**2).mean())).sum()
    error = np.sqrt(found.se**2 + (found.se**2).mean() / near)  # the seed's and the median's
    np.testing.assert_allclose([found.lo, found.hi], stats.t.interval(0.95, 29, found.effect, error), atol=1e-14)
    assert (found.n == 30).all() and (found.groups == 30).all()


@pytest.mark.parametrize("sizes", [(1,) * 8, (3,) * 4, (1, 2, 5, 1, 3)])
def test_errors_and_freedom_are_those_of_the_full_matrices(sizes: tuple[int, ...]) -> None:
    """CR2 and Bell-McCaffrey degrees of freedom from their definitions, with a pseudo-inverse root for each group."""
    scores, _ = World(seeds=4, sizes=sizes).draw(np.random.default_rng(3))
    found, (design, values, member) = seed_effects(additive_fit(scores)), dummies(scores)
    bread = np.linalg.pinv(design.T @ design)
    rest = np.eye(len(values)) - design @ bread @ design.T
    contrast = np.r_[np.zeros(len(scores.member)), np.eye(4)[1] - 0.25]
    columns, errors = [], []
    for group in range(len(sizes)):
        cells = member == group
        spread, directions = np.linalg.eigh(rest[np.ix_(cells, cells)])
        root = np.where(spread > 1e-10, 1 / np.sqrt(np.where(spread > 1e-10, spread, 1.0)), 0.0)
        weights = contrast @ bread @ design[cells].T @ (directions * root) @ directions.T
        columns.append(rest[:, cells] @ weights)
        errors.append(weights @ (rest @ values)[cells])
    spread = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    assert found.se[1] == pytest.approx(np.sqrt(np.square(errors).sum()), rel=1e-9)
    assert found.freedom[1] == pytest.approx(spread.sum() ** 2 / (spread**2).sum(), rel=1e-9)


@pytest.mark.parametrize("name", WORLDS)
def test_intervals_of_effects_cover(name: str) -> None:
    """95 % +- 2 points of 100 x S intervals over the median seed, whatever the tails, the gaps and the groups."""
    rng, hits = np.random.default_rng(4), []
    for _ in range(100):
        scores, truth = WORLDS[name].draw(rng)
        fit, over = additive_fit(scores), truth - np.median(truth)
        found = seed_effects(fit, null=score_null(shuffled(fit, rng, 200), "higher"))
        hits.append((found.lo <= over) & (over <= found.hi))
    assert 0.93 < np.mean(hits) < 0.97


def test_prompts_of_a_group_taken_for_independent_would_not_cover() -> None:
    rng, hits = np.random.default_rng(5), []
    for _ in range(100):
        scores, truth = WORLDS["groups"].draw(rng)
        found = effects_of(scores.values, np.arange(len(scores.member)))
        over = truth - np.median(truth)
        hits.append((found.lo <= over) & (over <= found.hi))
    assert np.mean(hits) < 0.8


def test_missing_hard_prompts_earns_no_credit() -> None:
    """The mean of what is there puts the seed that skipped the hard prompts first; least squares does not."""
    rng = np.random.default_rng(6)
    values = rng.standard_normal((40, 4)) * 0.1 + np.repeat([0.0, 10.0], 20)[:, None] + np.array([0, 1, 0, 0])
    values[:15, 0] = np.nan
    found = effects_of(values, np.arange(40))
    assert np.nanmean(values, axis=0).argmax() == 0
    assert found.effect == pytest.approx([0.0, 1.0, 0.0, 0.0], abs=0.1)
    np.testing.assert_array_equal(found.n, [25, 40, 40, 40])


def test_order_of_prompts_and_seeds_changes_nothing() -> None:
    rng = np.random.default_rng(7)
    scores, _ = World(seeds=9, sizes=UNEVEN, missing=0.1).draw(rng)
    found, rows, columns = seed_effects(additive_fit(scores)), rng.permutation(165), rng.permutation(9)
    mixed = effects_of(scores.values[rows][:, columns], scores.member[rows])
    np.testing.assert_allclose(mixed.effect, found.effect[columns], atol=1e-13)
    np.testing.assert_allclose(mixed.se, found.se[columns], rtol=1e-11)
    part = scores.only(scores.member < 5)
    np.testing.assert_array_equal(part.values, scores.values[scores.member < 5])
    assert len(part.groups) == 5


def test_the_error_of_several_seeds_together() -> None:
    """The mean of seeds 0 and 1, as if both were one seed with the mean of their scores."""
    scores, _ = World(20, 5).draw(np.random.default_rng(8))
    effect, se, freedom = mean_of(seed_effects(additive_fit(scores)), np.array([0, 1]))
    centred = scores.values[:, :2].mean(axis=1) - scores.values.mean(axis=1)
    median = np.median(scores.values.mean(axis=0)) - scores.values.mean()
    assert (effect, se, freedom) == pytest.approx((centred.mean() - median, stats.sem(centred), 19.0))


def test_seeds_without_scores_or_error_are_unknown() -> None:
    scores, _ = World(seeds=5, sizes=(3, 3, 3)).draw(np.random.default_rng(9))
    values = scores.values.copy()
    values[:, 0], values[3:, 1] = np.nan, np.nan
    found = effects_of(values, scores.member)
    assert np.isnan(found.effect[0]) and np.isnan(found.se[0]) and found.n[0] == 0
    assert np.isfinite(found.effect[1]) and np.isnan(found.se[1]) and (found.n[1], found.groups[1]) == (3, 1)
    assert np.isfinite(found.lo[2:]).all()
    np.testing.assert_allclose(np.median(found.effect[1:]), 0.0, atol=1e-13)
    alone = effects_of(scores.values, np.zeros(9))
    assert np.isfinite(alone.effect).all() and np.isnan(alone.se).all()
    empty = values.copy()
    empty[4] = np.nan
    assert np.isnan(additive_fit(Scores.of(empty, scores.member)).prompt[4])


@pytest.mark.parametrize("level", [0.1, 1e6])
def test_equal_scores_are_no_evidence(level: float) -> None:
    """Rounding over rounding must not look like a tiny error."""
    values = np.full((12, 4), level) + np.linspace(0, 1, 12)[:, None]
    found = effects_of(values, np.arange(12))
    assert (found.effect == 0).all() and (found.se == 0).all()


def bad(values: npt.ArrayLike, groups: npt.ArrayLike = (0, 1)) -> AdditiveFit:
    return additive_fit(Scores.of(values, groups))


def test_what_cannot_be_compared_is_a_sentence() -> None:
    with pytest.raises(StatisticsError, match=r"2 prompt\(s\) x 1 seed\(s\)"):
        bad([[1.0], [2.0]])
    with pytest.raises(StatisticsError, match="0 prompt"):
        bad(np.empty((0, 3)), [])
    with pytest.raises(StatisticsError, match="need .P, S. and P labels"):
        bad([[1.0, 2.0]])
    with pytest.raises(StatisticsError, match="1 scores are infinite"):
        bad([[1.0, np.inf], [1.0, 2.0]])
    with pytest.raises(StatisticsError, match="1 of 2 seeds have any score"):
        bad([[1.0, np.nan], [1.0, np.nan]])
    with pytest.raises(StatisticsError, match="2 sets that share no prompt"):
        bad([[1.0, 2.0, np.nan, np.nan], [np.nan, np.nan, 1.0, 2.0]])
    with pytest.raises(StatisticsError, match="lies in"):
        seed_effects(bad([[1.0, 2.0], [2.0, 1.0]]), level=95.0)
    with pytest.raises(StatisticsError, match="'best'"):
        sign("best")  # type: ignore[arg-type]


def test_the_false_discovery_rate_is_held() -> None:
    """10 seeds better, 10 worse, 60 alike: of the seeds found at 5 %, no more than 5 % + 1 are not better; most real are."""
    rng, false, power = np.random.default_rng(12), [], []
    seed = np.r_[np.full(10, 0.35), np.full(10, -0.35), np.zeros(60)]
    for world in (
        World(100, 80, 0.0),
        World(seeds=80, share=0.0, sizes=(4,) * 50, alike=0.3, heavy=True, missing=0.05),
    ):
        for _ in range(60):
            scores, _ = world.draw(rng, seed)
            null = score_null(shuffled(additive_fit(scores), rng, 100), "higher")
            found = q_values(null.p) <= 0.05
            false.append(found[10:].sum() / max(found.sum(), 1))
            power.append(found[:10].mean())
    assert 0.015 < np.mean(false) < 0.065
    assert np.mean(power) > 0.6


def test_q_values() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.9])
    np.testing.assert_allclose(q_values(p), [0.04, np.nan, 0.16 / 3, 0.16 / 3, 0.9])
    np.testing.assert_allclose(q_values(p, arbitrary=True)[0], 0.04 * (1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert np.isnan(q_values([np.nan, np.nan])).all()
    with pytest.raises(StatisticsError, match=r"within \[0, 1\]"):
        q_values([0.1, 1.2])
