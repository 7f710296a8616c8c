"""Uncertainty over prompts: exact leave-one-out distances, errors and coverage where the truth is known, a true null."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from seedscope.analysis.seeds.distances.bootstrap import paired_bootstrap
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.frechet_null import frechet_shuffle_null
from seedscope.analysis.seeds.distances.jackknife import Jackknife, jackknife
from seedscope.analysis.seeds.distances.moments import Array, moments


def world(dimensions: int) -> Reference:
    rng = np.random.default_rng(99)
    return Reference.of(moments(rng.standard_normal((20 * dimensions, dimensions)) * np.linspace(1, 0.1, dimensions)))


def images(rng: np.random.Generator, n: int, dimensions: int, shift: float = 0.2) -> Array:
    """Heavy-tailed features (n, D): each image has a length of its own, as real embeddings do."""
    lengths = np.sqrt(rng.gamma(4.0, 0.25, (n, 1)))
    return rng.standard_normal((n, dimensions)) * np.linspace(1, 0.1, dimensions) * lengths + shift


def distance(rows: Array, reference: Reference) -> float:
    value = frechet_distance_of_rows(rows, reference)
    assert value is not None
    return value


def error(seed: Jackknife) -> float:
    return float(np.sqrt((seed.influence**2).sum()))


def left_out(rows: Array, labels: npt.NDArray[np.int64], reference: Reference) -> Array:
    """Influences by the definition: remove each cluster, measure again."""
    distances = np.array([distance(rows[labels != label], reference) for label in np.unique(labels)])
    groups = len(distances)
    return np.asarray(-np.sqrt((groups - 1) / groups) * (distances - distances.mean()))


@pytest.mark.parametrize("n", [3, 24, 31, 32, 33, 34, 100, 300])
def test_leaving_out_each_image_at_once_equals_measuring_again(n: int) -> None:
    reference, rows = world(32), images(np.random.default_rng(n), n, 32)
    seed = jackknife(rows, np.arange(n), reference)
    assert seed.estimate == pytest.approx(distance(rows, reference), rel=1e-10)
    truth = left_out(rows, np.arange(n), reference)
    assert np.abs(seed.influence - truth).max() < 1e-5 * truth.std()


def test_leaving_out_holds_for_repeated_images_and_a_small_reference() -> None:
    rng = np.random.default_rng(5)
    small = Reference.of(moments(images(rng, 20, 32)))
    rows = np.vstack([images(rng, 12, 32)] * 2)
    truth = left_out(rows, np.arange(24), small)
    assert np.abs(jackknife(rows, np.arange(24), small).influence - truth).max() < 1e-5 * truth.std()


def test_images_and_references_without_any_spread() -> None:
    flat = Reference.of(moments(np.ones((5, 4))))
    rows = images(np.random.default_rng(7), 6, 4)
    for labels in (np.arange(6), np.arange(6) // 2):
        seed = jackknife(rows, labels, flat)
        assert seed.estimate == pytest.approx(distance(rows, flat))
        np.testing.assert_allclose(seed.influence, left_out(rows, labels, flat), rtol=1e-9)
        np.testing.assert_allclose(jackknife(np.ones((6, 4)), labels, world(4)).influence, 0.0, atol=1e-12)


@pytest.mark.parametrize("n", [24, 90])
def test_clusters_of_several_images_and_any_order(n: int) -> None:
    reference, rng = world(16), np.random.default_rng(6)
    rows, labels = images(rng, n, 16), np.sort(rng.integers(0, 8, n))
    seed, order = jackknife(rows, labels, reference), rng.permutation(n)
    np.testing.assert_allclose(seed.influence, left_out(rows, labels, reference), rtol=1e-9)
    mixed = jackknife(rows[order], labels[order], reference)
    np.testing.assert_array_equal(mixed.clusters, np.unique(labels))
    np.testing.assert_allclose(mixed.influence, seed.influence, rtol=1e-7)


@pytest.mark.parametrize(("n", "dimensions", "widest"), [(24, 64, 1.12), (80, 48, 1.25), (100, 8, 1.12)])
def test_standard_errors_are_right_and_the_plain_bootstrap_is_not(n: int, dimensions: int, widest: float) -> None:
    """Root mean square of the estimated error against the true spread of 1,000 fresh sets.

    The plain bootstrap (images drawn again with replacement) misses by half or more in many dimensions, and its
    distances lie several standard deviations too high; at 100 images in 8 dimensions it nears the truth.
    """
    reference, rng = world(dimensions), np.random.default_rng(7)
    truth = np.std([distance(images(rng, n, dimensions), reference) for _ in range(1000)])
    ours, plain, shift = [], [], []
    for _ in range(40):
        rows = images(rng, n, dimensions)
        ours.append(error(jackknife(rows, np.arange(n), reference)))
        again = [distance(rows[rng.integers(0, n, n)], reference) for _ in range(25)]
        plain.append(np.std(again, ddof=1))
        shift.append(np.mean(again) - distance(rows, reference))
    assert 0.88 < np.sqrt(np.mean(np.square(ours))) / truth < widest
    if dimensions > 8:
        assert np.sqrt(np.mean(np.square(plain))) > 1.4 * truth
        assert np.mean(shift) > 3 * truth


@pytest.mark.parametrize(("n", "dimensions"), [(24, 16), (100, 6)])
def test_intervals_cover_the_expected_distance_at_this_number_of_images(n: int, dimensions: int) -> None:
    """95 % intervals, 400 replications: coverage between 0.91 and 0.985 (binomial s.d. 0.011, skewness on top)."""
    reference, rng = world(dimensions), np.random.default_rng(8)
    expected = np.mean([distance(images(rng, n, dimensions), reference) for _ in range(4000)])
    hits = []
    for _ in range(400):
        found = paired_bootstrap([jackknife(images(rng, n, dimensions), np.arange(n), reference)], rng, resamples=1)
        hits.append(found.distance.lo[0] <= expected <= found.distance.hi[0])
    assert 0.91 < np.mean(hits) < 0.985


def grid(rng: np.random.Generator, prompts: int, seeds: int, dimensions: int, offset: Array | float = 0.0) -> Array:
    """Features (P, S, D) with a strong prompt effect that all seeds share; `offset` (S,) shifts the seeds."""
    prompt = images(rng, prompts, dimensions)[:, None, :]
    own = 0.4 * rng.standard_normal((prompts, seeds, dimensions)) * np.linspace(1, 0.1, dimensions)
    return np.asarray(prompt + own + np.reshape(offset, (1, -1, 1)))


def seeds_of(features: Array, reference: Reference) -> list[Jackknife]:
    prompts = np.arange(len(features))
    return [jackknife(features[:, s], prompts, reference) for s in range(features.shape[1])]


@pytest.mark.parametrize(("prompts", "dimensions", "widest"), [(24, 64, 1.35), (40, 12, 1.7)])
def test_pairing_shrinks_the_interval_of_differences(prompts: int, dimensions: int, widest: float) -> None:
    """The error of (seed - median) is a small part of the seed's own, and not below its true spread over 200 fresh sets.

    It is nearly right with few images for the dimensions, and known to be too wide, never too narrow, in between.
    Of 3 seeds one is the median itself, at a difference of exactly 0.
    """
    reference, rng = world(dimensions), np.random.default_rng(9)
    found = paired_bootstrap(seeds_of(grid(rng, prompts, 8, dimensions), reference), rng)
    assert (found.difference.se < 0.6 * found.distance.se).all()

    spread, errors = [], []
    for _ in range(200):
        one = paired_bootstrap(seeds_of(grid(rng, prompts, 3, dimensions), reference), rng, resamples=1)
        spread.append(one.difference.estimate[0])
        errors.append(one.difference.se[0])
    assert 0.88 < np.sqrt(np.mean(np.square(errors))) / np.std(spread) < widest


def test_draws_are_paired_deterministic_and_as_wide_as_the_errors() -> None:
    reference, rng = world(12), np.random.default_rng(10)
    seeds = seeds_of(grid(rng, 40, 4, 12), reference)
    one, two = (paired_bootstrap(seeds, np.random.default_rng(1), resamples=4000) for _ in range(2))
    np.testing.assert_array_equal(one.draws, two.draws)
    np.testing.assert_allclose(one.draws.std(axis=0), one.distance.se, rtol=0.06)
    np.testing.assert_allclose(one.draws.mean(axis=0), one.distance.estimate, rtol=0.02)
    differences = one.draws - one.draws.mean(axis=1, keepdims=True)
    near = 1.0 / (np.abs(one.difference.estimate) <= 1.5 * np.sqrt(differences.var(axis=0).mean())).sum()
    wider = differences.var(axis=0) + near * differences.var(axis=0).mean()  # by the median's own error
    np.testing.assert_allclose(one.difference.se, np.sqrt(wider), rtol=0.06)
    np.testing.assert_allclose(one.distance.se, [error(seed) for seed in seeds], rtol=1e-12)


def test_rank_probabilities() -> None:
    reference, rng = world(12), np.random.default_rng(11)
    offsets = np.array([0.3, 0.0, 0.3, 0.3, 0.0])
    found = paired_bootstrap(seeds_of(grid(rng, 60, 5, 12, offsets), reference), rng)
    for k in (1, 2, 5):
        assert found.top_share(k).sum() == pytest.approx(k)
    assert (found.top_share(2)[[1, 4]] > 0.95).all()
    assert (found.difference.hi[[1, 4]] < 0).all()
    highest = found.top_share(3, "higher")
    assert (highest[[0, 2, 3]] > 0.95).all() and highest.sum() == pytest.approx(3)
    np.testing.assert_allclose(found.top_share(2) + highest, 1.0)  # the two lowest are all but the three highest
    with pytest.raises(ValueError, match="k >= 1"):
        found.top_share(0)
    alike = replace(found, draws=np.ones_like(found.draws))  # such as a recall of 1 for all: no place is better
    np.testing.assert_allclose(alike.top_share(2), 2 / 5)


def test_missing_clusters_and_undefined_seeds() -> None:
    reference, rng = world(8), np.random.default_rng(12)
    features = grid(rng, 20, 3, 8)
    whole = seeds_of(features, reference)
    fewer = jackknife(features[3:, 2], np.arange(3, 20), reference)
    nothing = jackknife(np.empty((0, 8)), np.empty(0, np.int64), reference)
    single = jackknife(features[:2, 0], np.arange(2), reference)
    assert nothing.estimate is None
    assert single.estimate is not None
    found = paired_bootstrap([*whole[:2], fewer, nothing, single], rng)
    assert found.clusters == 20
    assert np.isfinite(found.distance.se[:3]).all()
    assert np.isnan(found.distance.estimate[3])
    assert np.isnan(found.distance.se[3:]).all()
    assert np.isnan(found.top_share(1)[3:]).all()
    assert np.median(found.difference.estimate[:3]) == pytest.approx(0.0, abs=1e-9)


def test_bad_arguments_are_errors() -> None:
    reference, rng = world(4), np.random.default_rng(13)
    with pytest.raises(ValueError, match="5 rows of features, but 4 cluster labels"):
        jackknife(np.ones((5, 4)), np.arange(4), reference)
    with pytest.raises(ValueError, match="0 seeds"):
        paired_bootstrap([], rng)
    with pytest.raises(ValueError, match="level 1"):
        paired_bootstrap(seeds_of(grid(rng, 5, 2, 4), reference), rng, level=1.0)
    with pytest.raises(ValueError, match="shape"):
        frechet_shuffle_null(np.ones((3, 4)), reference, rng)
    with pytest.raises(ValueError, match="complete grid"):
        frechet_shuffle_null(np.full((3, 2, 4), np.nan), reference, rng)


@pytest.mark.parametrize(("groups", "quantile"), [(2, 12.706), (3, 4.303), (5, 2.776), (31, 2.042)])
def test_intervals_reach_student_t_standard_errors(groups: int, quantile: float) -> None:
    """t of probability 0.975 at 1, 2, 4 and 30 degrees of freedom, as every textbook has it."""
    influence = np.linspace(-1.0, 1.0, groups)
    seed = Jackknife(10.0, groups, np.arange(groups), influence)
    boot = paired_bootstrap([seed], np.random.default_rng(0), resamples=1, floor=-np.inf).distance
    np.testing.assert_allclose((boot.hi - boot.estimate) / boot.se, quantile, rtol=2e-4)
    np.testing.assert_allclose((boot.estimate - boot.lo) / boot.se, quantile, rtol=2e-4)


def test_one_group_of_prompts_has_no_interval() -> None:
    boot = paired_bootstrap([Jackknife(10.0, 3, np.arange(1), np.array([np.nan]))], np.random.default_rng(0))
    assert np.isnan([boot.distance.lo, boot.distance.hi]).all()


def test_shuffling_gives_uniform_p_values_where_no_seed_matters() -> None:
    """300 true nulls, 19 shuffles each: p is uniform on 1/20 .. 20/20 (chi-square over ten pairs of values, p > 0.001)."""
    reference, rng = world(4), np.random.default_rng(14)
    p_values = np.array(
        [frechet_shuffle_null(grid(rng, 8, 4, 4), reference, rng, shuffles=19).p_value for _ in range(300)]
    )
    counts = np.bincount(np.ceil(p_values * 10 - 1e-9).astype(int) - 1, minlength=10)
    assert counts.sum() == 300
    assert stats.chisquare(counts).pvalue > 0.001


def test_shuffling_finds_seeds_that_differ_and_shows_what_chance_gives() -> None:
    reference, rng = world(8), np.random.default_rng(15)
    features = grid(rng, 20, 6, 8, np.array([0.4, 0, 0, 0, 0, 0]))
    distances = [distance(features[:, seed], reference) for seed in range(6)]
    found = frechet_shuffle_null(features, reference, rng, shuffles=99)
    assert [found.observed.best, found.observed.worst] == pytest.approx([min(distances), max(distances)], rel=1e-9)
    assert found.p_value == pytest.approx(0.01)
    assert found.observed.worst > found.chance.worst.max()
    assert (found.chance.best <= found.chance.worst).all()
    assert found.chance.deviation.shape == (99,)
    again = frechet_shuffle_null(features, reference, np.random.default_rng(3), shuffles=9)
    np.testing.assert_array_equal(
        again.chance.best, frechet_shuffle_null(features, reference, np.random.default_rng(3), shuffles=9).chance.best
    )


def test_both_ways_to_shuffle_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    reference, features = world(32), grid(np.random.default_rng(16), 12, 4, 32)
    grams = frechet_shuffle_null(features, reference, np.random.default_rng(0), shuffles=19)
    monkeypatch.setattr("seedscope.analysis.seeds.distances.frechet_null.LARGEST_GRAM", 0)
    rows = frechet_shuffle_null(features, reference, np.random.default_rng(0), shuffles=19)
    np.testing.assert_allclose(grams.chance.deviation, rows.chance.deviation, rtol=1e-9)
    assert grams.p_value == rows.p_value
