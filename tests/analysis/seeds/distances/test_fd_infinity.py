"""The extrapolated Frechet distance: nearer to the truth than the plain one, right errors, the published line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from seedscope.analysis.seeds.distances.bootstrap import paired_bootstrap
from seedscope.analysis.seeds.distances.fd_infinity import HALVES, PUBLISHED, Extrapolation, fd_infinity
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array, Moments, moments

DIMENSIONS = 16
SPREAD = np.arange(1, DIMENSIONS + 1) ** -0.5
SEED_SPREAD = SPREAD * np.linspace(0.8, 1.2, DIMENSIONS)
REFERENCE = Reference.of(moments(np.random.default_rng(99).standard_normal((3000, DIMENSIONS)) * SPREAD))


def images(rng: np.random.Generator, n: int) -> Array:
    """Draws (n, D) of the Gaussian whose distance to the reference is `truth()`."""
    return np.asarray(rng.standard_normal((n, DIMENSIONS)) * SEED_SPREAD + 0.1)


def truth() -> float:
    many = 10**9
    seed = Moments(many, np.full(DIMENSIONS, 0.1), np.diag(SEED_SPREAD**2) * (many - 1))
    value = frechet_distance(seed, REFERENCE)
    assert value is not None
    return value


def limit(found: Extrapolation) -> float:
    assert found.limit.estimate is not None
    return found.limit.estimate


def error(found: Extrapolation) -> float:
    return float(np.sqrt((found.limit.influence**2).sum()))


@pytest.mark.parametrize(("ratio", "left"), [(0.5, 0.5), (1, 0.35), (4, 0.15), (8, 0.15)])
def test_nearer_to_the_truth_than_the_plain_distance(ratio: float, left: float) -> None:
    """200 seeds: the bias that is left is at most `left` of the plain one's, and the squared error smaller as well."""
    rng, n = np.random.default_rng(0), int(ratio * DIMENSIONS)
    found = [fd_infinity(images(rng, n), np.arange(n), REFERENCE, rng) for _ in range(200)]
    plain = np.array([one.distances[-1] for one in found]) - truth()
    ours = np.array([limit(one) for one in found]) - truth()
    assert plain.mean() > 0
    assert abs(ours.mean()) < left * plain.mean()
    assert np.mean(ours**2) < np.mean(plain**2)
    assert found[0].trustworthy == (ratio >= 4)


@pytest.mark.parametrize("alike", [1, 2])
def test_errors_are_right_and_intervals_cover(alike: int) -> None:
    """128 images, 300 seeds: 95 % intervals cover the truth (with like images in a prompt: their own mean) 91 to 99 times.

    Like images carry less: single images as clusters would give errors that are too small.
    """
    rng, prompts = np.random.default_rng(1), np.repeat(np.arange(128 // alike), alike)
    found = []
    for _ in range(300):
        shared, own = images(rng, 128 // alike) - 0.1, images(rng, 128) - 0.1
        rows = shared if alike == 1 else np.sqrt(0.8) * shared[prompts] + np.sqrt(0.2) * own
        found.append(fd_infinity(rows + 0.1, prompts, REFERENCE, rng))
    estimates = np.array([limit(one) for one in found])
    assert 0.95 < np.sqrt(np.mean([error(one) ** 2 for one in found])) / estimates.std() < 1.35
    boot = paired_bootstrap([one.limit for one in found], rng, resamples=1).distance
    target = truth() if alike == 1 else estimates.mean()
    assert 0.91 < np.mean((boot.lo <= target) & (target <= boot.hi)) < 0.995


def test_one_cluster_an_image_is_the_sum_of_leave_one_out_distances() -> None:
    """By the definition, with the subsets held: leaving an image out changes the subsets that hold it."""
    rows = images(np.random.default_rng(2), 40)
    found = fd_infinity(rows, np.arange(40), REFERENCE, np.random.default_rng(3), fractions=(0.5, 1.0))
    order = np.random.default_rng(3).permutation(40)
    influence = np.zeros(40)
    for part, weight in ((order[:20], -0.5), (order[20:], -0.5), (np.arange(40), 2.0)):
        without = np.array(
            [frechet_distance_of_rows(np.delete(rows[part], i, axis=0), REFERENCE) for i in range(len(part))]
        )
        influence[part] -= weight * np.sqrt((len(part) - 1) / len(part)) * (without - without.mean())
    np.testing.assert_allclose(found.limit.influence, influence, rtol=0, atol=1e-5 * influence.std())
    assert limit(found) == pytest.approx(2 * found.distances[1] - found.distances[0], rel=1e-10)


def test_clusters_of_unlike_images_have_the_error_of_single_ones() -> None:
    rng = np.random.default_rng(4)
    rows = images(rng, 400)
    single = fd_infinity(rows, np.arange(400), REFERENCE, np.random.default_rng(0))
    grouped = fd_infinity(rows, rng.permutation(400) // 5, REFERENCE, np.random.default_rng(0))
    assert grouped.limit.estimate == single.limit.estimate
    assert error(grouped) == pytest.approx(error(single), rel=0.2)


def test_the_published_line() -> None:
    """15 sizes from a tenth to all: intercept and slope are those of numpy's least squares over 1 / n."""
    rows = images(np.random.default_rng(5), 600)
    found = fd_infinity(rows, np.arange(600), REFERENCE, np.random.default_rng(0), fractions=PUBLISHED)
    np.testing.assert_array_equal(found.sizes, np.rint(np.linspace(60, 600, 15)).astype(int))
    slope, intercept = np.polyfit(1 / found.sizes, found.distances, 1)
    assert limit(found) == pytest.approx(intercept, rel=1e-9)
    assert found.slope == pytest.approx(slope, rel=1e-9)
    assert found.distances[-1] == pytest.approx(frechet_distance_of_rows(rows, REFERENCE), rel=1e-10)


class Handed(torch.nn.Module):
    """An extractor that hands on the features it is given."""

    num_features = DIMENSIONS

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


@pytest.mark.parametrize("fractions", [HALVES, PUBLISHED])
def test_equals_a_line_through_distances_of_torchmetrics(fractions: tuple[float, ...]) -> None:
    """numpy's least squares over 1 / n of the mean distances of the same subsets, to 1e-6."""
    rng = np.random.default_rng(8)
    real, rows = rng.standard_normal((500, DIMENSIONS)) * SPREAD, images(rng, 240)
    found = fd_infinity(rows, np.arange(240), Reference.of(moments(real)), np.random.default_rng(9), fractions)
    drawn, sizes, distances = np.random.default_rng(9), np.rint(np.array(fractions) * 240).astype(int), []
    for size in sizes:
        subsets = drawn.permutation(240)[: 240 // size * size].reshape(-1, size)
        theirs = []
        for subset in subsets:
            metric = FrechetInceptionDistance(feature=Handed()).set_dtype(torch.float64)
            metric.update(torch.from_numpy(real), real=True)
            metric.update(torch.from_numpy(rows[subset]), real=False)
            theirs.append(float(metric.compute()))
        distances.append(np.mean(theirs))
    slope, intercept = np.polyfit(1 / sizes, distances, 1)
    assert limit(found) == pytest.approx(intercept, rel=1e-6)
    assert found.slope == pytest.approx(slope, rel=1e-6)


def test_the_generator_decides_the_subsets() -> None:
    rows = images(np.random.default_rng(6), 64)
    one, two, other = (fd_infinity(rows, np.arange(64), REFERENCE, np.random.default_rng(s)) for s in (0, 0, 1))
    assert one.limit.estimate == two.limit.estimate != other.limit.estimate
    np.testing.assert_array_equal(one.limit.influence, two.limit.influence)


@pytest.mark.parametrize(
    ("rows", "fractions"),
    [
        (np.empty((0, DIMENSIONS)), (0.5, 1.0)),
        (np.ones((1, DIMENSIONS)), (0.5, 1.0)),
        (np.ones((5, DIMENSIONS)), (0.5, 1.0)),
        (np.ones((50, DIMENSIONS)), (1.0,)),
        (np.ones((50, DIMENSIONS)), (1.0, 0.999)),
        (np.ones((50, DIMENSIONS)), ()),
        (np.full((50, DIMENSIONS), np.nan), (0.5, 1.0)),
    ],
)
def test_undefined_is_none(rows: Array, fractions: tuple[float, ...]) -> None:
    found = fd_infinity(rows, np.arange(len(rows)), REFERENCE, np.random.default_rng(0), fractions)
    assert found.limit.estimate is None
    assert found.limit.n == len(rows)
    assert np.isnan(found.slope)
    assert np.isnan(found.limit.influence).all()


def test_equal_images_have_their_plain_distance_and_one_prompt_no_error() -> None:
    rows = np.tile(images(np.random.default_rng(7), 1), (20, 1))
    found = fd_infinity(rows, np.zeros(20), REFERENCE, np.random.default_rng(0))
    assert limit(found) == pytest.approx(frechet_distance_of_rows(rows, REFERENCE), rel=1e-9)
    assert np.isnan(found.limit.influence).all()


def test_bad_arguments_are_errors() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="5 rows of features, but 4 cluster labels"):
        fd_infinity(np.ones((5, DIMENSIONS)), np.arange(4), REFERENCE, rng)
    with pytest.raises(ValueError, match="reference has 16 dimensions"):
        fd_infinity(np.ones((5, 4)), np.arange(5), REFERENCE, rng)
    for fraction in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"must lie in \(0, 1\]"):
            fd_infinity(np.ones((9, DIMENSIONS)), np.arange(9), REFERENCE, rng, fractions=(fraction, 1.0))
