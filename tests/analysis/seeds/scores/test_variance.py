"""Shares of variance: the analysis of variance where it applies, the truth on average, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_scores import WORLDS, World

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.variance import VarianceShares, prompts_needed, reliability, variance_shares


def shares_of(scores: Scores, level: float = 0.95) -> VarianceShares:
    fit = additive_fit(scores)
    return variance_shares(fit, seed_effects(fit), level)


def variances(shares: VarianceShares) -> Array:
    return np.array([shares.seed.variance, shares.prompt.variance, shares.rest.variance])


def anova(values: Array) -> Array:
    """Variance components of seed, prompt and rest of a complete grid, by the textbook's mean squares."""
    prompts, seeds = values.shape
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    error = (rest**2).sum() / ((prompts - 1) * (seeds - 1))
    by_seed, by_prompt = values.mean(axis=0).var(ddof=1), values.mean(axis=1).var(ddof=1)
    return np.array([by_seed - error / prompts, by_prompt - error / seeds, error])


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_complete_ungrouped_grid_gives_the_analysis_of_variance(share: float) -> None:
    scores, _ = World(30, 9, share).draw(np.random.default_rng(1))
    found, truth = shares_of(scores), anova(scores.values)
    np.testing.assert_allclose(variances(found), truth, rtol=1e-10)
    clipped = np.clip(truth, 0, None)
    shares = [found.seed.share, found.prompt.share, found.rest.share]
    np.testing.assert_allclose(np.array(shares, float), clipped / clipped.sum(), rtol=1e-10)
    assert (found.cells, found.prompts, found.groups, found.seeds) == (270, 30, 30, 9)


@pytest.mark.parametrize("name", WORLDS)
def test_components_are_right_on_average_and_intervals_cover(name: str) -> None:
    """400 runs: means within 1 % of the truth + 4 standard errors; coverage 95 % +- 2 points + 1 binomial s.d. (1.1).

    Eight groups leave the spread of groups badly known: there the intervals are too wide (up to 99 %).
    """
    rng, world, found, hits = np.random.default_rng(2), WORLDS[name], [], []
    truth = np.array([world.spread, 1.0, 1.0 - world.spread])
    for _ in range(400):
        shares = shares_of(world.draw(rng)[0])
        parts = (shares.seed, shares.prompt, shares.rest)
        found.append(variances(shares))
        hits.append([part.lo <= share <= part.hi for part, share in zip(parts, truth / 2, strict=True)])  # type: ignore[operator]
    error = np.std(found, axis=0) / np.sqrt(400)
    assert (np.abs(np.mean(found, axis=0) - truth) < 0.01 * truth + 4 * error).all()
    assert (np.mean(hits, axis=0) > 0.92).all() and (
        np.mean(hits, axis=0) < 0.99 + 0.01 * (name == "eight groups")
    ).all()


def test_luck_with_an_object_is_not_taken_for_a_good_seed() -> None:
    """Without a seed effect, but with seeds that suit an object, the plain analysis of variance finds a seed's share."""
    rng, world = np.random.default_rng(3), World(seeds=32, share=0.0, sizes=(10,) * 30, alike=0.5)
    drawn = [world.draw(rng)[0] for _ in range(60)]
    assert np.mean([anova(scores.values)[0] for scores in drawn]) > 0.01
    assert abs(np.mean([shares_of(scores).seed.variance for scores in drawn])) < 0.001
    assert np.mean([shares_of(scores).seed.lo == 0 for scores in drawn]) > 0.95


def test_intervals_do_not_depend_on_the_tails_of_seeds_being_normal() -> None:
    """Two kinds of seeds, and one bad seed in ten; by many seeds the fourth moments are known."""
    rng, world = np.random.default_rng(4), World(100, 64, 0.05)
    for kind in (rng.choice([-1.0, 1.0], (200, 64)), (rng.random((200, 64)) < 0.1) / 0.3):
        shares = [shares_of(world.draw(rng, np.sqrt(world.spread) * seed)[0]).seed for seed in kind]
        assert np.mean([share.lo <= 0.05 <= share.hi for share in shares]) > 0.9  # type: ignore[operator]


def test_the_pigeonhole_bootstrap_is_too_wide_where_seeds_matter_little() -> None:
    """The bootstrap's standard deviation of the seeds' variance, where that is 0, against the true one over fresh grids."""
    rng, world = np.random.default_rng(5), World(60, 24, 0.0)
    values = [world.draw(rng)[0].values for _ in range(200)]
    truth = np.std([anova(grid)[0] for grid in values])
    errors = []
    for grid in values[:20]:
        rows, columns = rng.integers(0, 60, (60, 60)), rng.integers(0, 24, (60, 24))
        errors.append(np.std([anova(grid[np.ix_(r, c)])[0] for r, c in zip(rows, columns, strict=True)]))
    assert np.mean(errors) > 2 * truth


def test_reliability_is_the_correlation_with_another_set_of_prompts() -> None:
    rng, world = np.random.default_rng(6), World(50, 400, 0.02)
    scores, _ = world.draw(rng, seed := np.sqrt(world.spread) * rng.standard_normal(400))
    again, _ = world.draw(rng, seed)
    pair = [seed_effects(additive_fit(part)).effect for part in (scores, again)]
    found = reliability(shares_of(scores))
    assert found == pytest.approx(np.corrcoef(pair)[0, 1], abs=0.08)
    assert found == pytest.approx(world.spread / (world.spread + world.noise), abs=0.06)


def test_prompts_needed_gives_the_reliability_wanted() -> None:
    rng = np.random.default_rng(7)
    found = shares_of(World(50, 400, 0.02).draw(rng)[0])
    needed = prompts_needed(found)
    assert needed is not None
    more = reliability(shares_of(World(needed, 400, 0.02).draw(rng)[0]))
    assert more == pytest.approx(0.8, abs=0.05)
    assert prompts_needed(found, reliability(found) or 0.5) == pytest.approx(50, abs=1)
    with pytest.raises(StatisticsError, match="reliability of 1"):
        prompts_needed(found, 1.0)


def test_nothing_varies_or_nothing_can_be_said() -> None:
    flat = shares_of(Scores.of(np.ones((6, 3)), np.arange(6)))
    assert flat.seed.share is None and flat.rest.lo is None and reliability(flat) is None
    assert prompts_needed(flat) is None
    with pytest.raises(StatisticsError, match="0 seeds have scores in two groups of prompts or more .1 groups"):
        shares_of(Scores.of(np.random.default_rng(8).random((6, 3)), np.zeros(6)))
    only_prompts = shares_of(Scores.of(np.arange(6.0)[:, None] * np.ones(3), np.arange(6)))
    assert (only_prompts.prompt.share, only_prompts.prompt.lo, only_prompts.seed.share) == (1.0, 1.0, 0.0)
    with pytest.raises(StatisticsError, match="level"):
        shares_of(World().draw(np.random.default_rng(9))[0], level=2.0)
    tiny = shares_of(World(2, 2, 0.0).draw(np.random.default_rng(10))[0])
    assert 0 <= tiny.seed.lo <= tiny.seed.hi <= 1  # type: ignore[operator]
