"""Shrunk effects: as theory says at seed shares of 1 %, 5 % and 20 %, honest intervals, and no winner's curse."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_scores import WORLDS, World

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import Effects, seed_effects
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.shrinkage import posterior_draws, shrink, top_probability
from seedscope.analysis.seeds.scores.shuffle import shuffled


def measured(world: World, rng: np.random.Generator) -> tuple[Effects, Array]:
    scores, truth = world.draw(rng)
    return seed_effects(additive_fit(scores)), truth - np.median(truth)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_shrinkage_keeps_the_share_that_is_real(share: float) -> None:
    """The share kept is spread / (spread + noise), and the squared error falls by that very factor."""
    rng, world = np.random.default_rng(1), World(60, 100, share)
    kept, before, after = [], [], []
    for _ in range(60):
        effects, truth = measured(world, rng)
        shrunk = shrink(effects)
        kept.append(np.polyfit(effects.effect, shrunk.effect, 1)[0])
        before.append(np.mean((effects.effect - truth) ** 2))
        after.append(np.mean((shrunk.effect - truth) ** 2))
    theory = world.spread / (world.spread + world.noise)
    assert np.mean(kept) == pytest.approx(theory, abs=0.03)
    assert np.mean(after) / np.mean(before) == pytest.approx(theory, abs=0.03)


@pytest.mark.parametrize("name", WORLDS)
def test_shrunk_intervals_cover_on_average_over_seeds(name: str) -> None:
    """95 % +- 1.5 points of 500 x S intervals, none of them wider than the plain one on average."""
    rng, hits, narrower = np.random.default_rng(2), [], []
    for _ in range(500):
        effects, truth = measured(WORLDS[name], rng)
        shrunk = shrink(effects)
        hits.append((shrunk.lo <= truth) & (truth <= shrunk.hi))
        narrower.append(np.mean(shrunk.hi - shrunk.lo) / np.mean(effects.hi - effects.lo))
    assert 0.935 < np.mean(hits) < 0.965
    assert np.mean(narrower) < 1.0


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_the_winner_keeps_what_it_promises(share: float) -> None:
    """Over 400 studies the best measured seed has only spread / (spread + noise) of its lead; the shrunk effect says so."""
    rng, world, promised, expected, true, hits = np.random.default_rng(3), World(60, 64, share), [], [], [], []
    for _ in range(400):
        effects, truth = measured(world, rng)
        shrunk, best = shrink(effects), effects.effect.argmax()
        promised.append(shrunk.measured[best])
        expected.append(shrunk.effect[best])
        true.append(truth[best])
        hits.append(shrunk.lo[best] <= truth[best] <= shrunk.hi[best])
    curse = np.mean(promised) - np.mean(true)
    assert curse / np.mean(promised) == pytest.approx(world.noise / (world.spread + world.noise), abs=0.03)
    assert abs(np.mean(expected) - np.mean(true)) < 0.2 * curse
    assert 0.92 < np.mean(hits) < 0.985


def test_without_seed_effects_nearly_nothing_is_kept() -> None:
    """Twice the observed best would be a curse of 100 %; the flat prior leaves less than a third of it."""
    rng, kept, covered = np.random.default_rng(4), [], []
    for _ in range(200):
        effects, truth = measured(World(60, 64, 0.0), rng)
        shrunk = shrink(effects)
        kept.append(np.abs(shrunk.effect).max() / np.abs(effects.effect).max())
        covered.append(((shrunk.lo <= truth) & (truth <= shrunk.hi)).mean())
    assert np.mean(kept) < 0.33
    assert np.mean(covered) > 0.99


def test_probabilities_of_the_top_are_true_ones() -> None:
    """Of the seeds given a probability of 30 to 50 % to be among the best 8, about 40 % are."""
    rng, given, true = np.random.default_rng(5), [], []
    for _ in range(120):
        effects, truth = measured(World(60, 40, 0.03), rng)
        probability = top_probability(posterior_draws(shrink(effects), rng, 1000), 8, "higher")
        assert probability.sum() == pytest.approx(8)
        given.append(probability)
        true.append(truth >= np.sort(truth)[-8])
    told, came = np.concatenate(given), np.concatenate(true)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.0)):
        chosen = (told >= low) & (told <= high)
        assert came[chosen].mean() == pytest.approx(told[chosen].mean(), abs=0.05)


@pytest.mark.parametrize("groups", [3, 6, 24])
def test_the_likeliest_of_the_top_is_there_as_often_as_it_says(groups: int) -> None:
    """24 prompts, luck with objects: of the seeds given the most, 0.87 on average are of the best 4; normal draws say 0.95."""
    rng, given, true = np.random.default_rng(10), [], []
    member = np.arange(24) % groups
    for _ in range(120):
        effect = 0.6 * rng.normal(size=24)
        luck = 0.5 * rng.normal(size=(groups, 24))[member] if groups < 24 else 0.0
        scores = Scores.of(effect + luck + rng.normal(size=(24, 1)) + rng.normal(size=(24, 24)), member)
        top = top_probability(posterior_draws(shrink(seed_effects(additive_fit(scores))), rng, 400), 4, "higher")
        given.append(top.max())
        true.append(effect[top.argmax()] >= np.sort(effect)[-4])
    assert np.mean(given) == pytest.approx(np.mean(true), abs=0.07)


@pytest.mark.parametrize("groups", [3, 24])
def test_where_seeds_do_not_differ_no_seed_is_sure_to_be_in_the_top(groups: int) -> None:
    """The largest probability of 24 seeds to be of the best 4, where 0.17 is true of each; where it is taken for granted that
    seeds differ, 0.5."""
    rng, largest = np.random.default_rng(11), []
    member = np.arange(24) % groups
    for _ in range(60):
        scores = Scores.of(rng.normal(size=(24, 24)) + 0.5 * rng.normal(size=(groups, 24))[member], member)
        fit = additive_fit(scores)
        null = score_null(shuffled(fit, rng, 99), "higher")
        shrunk = shrink(seed_effects(fit, null=null), null)
        top = top_probability(posterior_draws(shrunk, rng, 400), 4, "higher", shrunk.alike)
        assert top.sum() == pytest.approx(4)
        largest.append(top.max())
    assert np.mean(largest) < 0.4


def test_that_seeds_do_not_differ_is_likely_where_they_do_not_and_out_of_question_where_they_do() -> None:
    rng, likely = np.random.default_rng(12), {}
    for share in (0.0, 0.05, 0.5):
        likely[share] = np.mean([shrink(measured(World(100, 24, share), rng)[0]).alike for _ in range(40)])
    assert likely[0.0] > 0.6 and likely[0.05] < 0.15 and likely[0.5] < 1e-6
    flat = shrink(seed_effects(additive_fit(Scores.of(np.ones((6, 8)), np.arange(6)))))
    assert flat.alike == 1.0
    assert top_probability(posterior_draws(flat, rng, 10), 2, "higher", flat.alike) == pytest.approx(0.25)
    apart = shrink(seed_effects(additive_fit(Scores.of(np.ones((6, 8)) * np.arange(8), np.arange(6)))))
    assert apart.alike == 0.0


def test_draws_have_the_posterior_s_moments_and_come_from_the_generator_alone() -> None:
    shrunk = shrink(measured(World(60, 12, 0.1), np.random.default_rng(6))[0])
    one, two = (posterior_draws(shrunk, np.random.default_rng(7), 20_000) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    mean, of_t = one.mean(axis=0), np.sqrt(shrunk.freedom / (shrunk.freedom - 2))
    np.testing.assert_allclose(mean - np.median(mean), shrunk.effect, atol=4 * shrunk.sd.max() / np.sqrt(20_000))
    np.testing.assert_allclose(one.std(axis=0), of_t * shrunk.sd, rtol=0.03)
    assert (top_probability(one, 12, "lower") == 1).all()
    assert top_probability(one, 1, "higher").argmax() == shrunk.effect.argmax()
    assert top_probability(one, 1, "lower").argmax() == shrunk.effect.argmin()


def test_seeds_with_fewer_pictures_are_pulled_further() -> None:
    scores, _ = World(80, 20, 0.05).draw(np.random.default_rng(8))
    values = scores.values.copy()
    values[8:, 0], values[:, 1] = np.nan, np.nan
    effects = seed_effects(additive_fit(Scores.of(values, scores.member)))
    shrunk = shrink(effects)
    kept = shrunk.kept.mean(axis=0)
    assert kept[0] < 0.8 * kept[2:].min()
    assert np.isnan(shrunk.effect[1]) and np.isnan(shrunk.hi[1])
    assert np.isnan(top_probability(posterior_draws(shrunk, np.random.default_rng(0)), 3, "higher")[1])


def test_few_seeds_equal_scores_and_bad_arguments() -> None:
    rng = np.random.default_rng(9)
    few = shrink(measured(World(30, 4), rng)[0])
    assert np.isnan(few.effect).all()
    assert np.isnan(posterior_draws(few, rng, 10)).all()
    with pytest.raises(StatisticsError, match="top 1 of 0 seeds"):
        top_probability(posterior_draws(few, rng, 10), 1, "higher")
    flat = shrink(seed_effects(additive_fit(Scores.of(np.ones((6, 8)), np.arange(6)))))
    assert (flat.effect == 0).all() and (flat.sd == 0).all()
    shrunk = shrink(measured(World(30, 6), rng)[0])
    with pytest.raises(StatisticsError, match="top 7 of 6 seeds"):
        top_probability(posterior_draws(shrunk, rng, 10), 7, "higher")
    with pytest.raises(StatisticsError, match="0 draws"):
        posterior_draws(shrunk, rng, 0)
