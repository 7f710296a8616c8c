"""Kernel distances: outside implementations, direct formulas, sharding, unbiasedness, exact leave-one-out influences."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

from seedscope.analysis.seeds.distances import kernel as kernel_module
from seedscope.analysis.seeds.distances.bootstrap import paired_bootstrap
from seedscope.analysis.seeds.distances.cmmd import CMMD, CMMD_UNBIASED
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.kernel import (
    Kernel,
    KernelReference,
    KernelState,
    kernel_jackknife,
    kernel_state,
    merge,
)
from seedscope.analysis.seeds.distances.kid import KID
from seedscope.analysis.seeds.distances.moments import Array

KERNELS = [KID, CMMD, CMMD_UNBIASED]
by_name = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)


def images(seed: int, n: int, dimensions: int, shift: float = 0.0) -> Array:
    """Skewed non-negative rows, as a pooling layer makes them."""
    rows = np.random.default_rng(seed).gamma(0.5, 0.8, (n, dimensions)) + shift
    return rows.astype(np.float32).astype(np.float64)


def found(rows: npt.ArrayLike, reference: KernelReference, clusters: npt.ArrayLike | None = None) -> Jackknife:
    labels = np.arange(len(np.asarray(rows))) if clusters is None else clusters
    return kernel_jackknife(kernel_state(rows, labels, reference), reference)


def distance(rows: npt.ArrayLike, reference: KernelReference) -> float:
    value = found(rows, reference).estimate
    assert value is not None
    return value


def k(kernel: Kernel, x: Array, y: Array) -> float:
    """The published kernels, one pair at a time."""
    if kernel is KID:
        return float((x @ y / len(x) + 1) ** 3)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return float(np.exp(-((x - y) @ (x - y)) / (2 * 10**2)))


def by_pairs(kernel: Kernel, x: Array, y: Array) -> float:
    """The definition: loops over all pairs."""

    def within(rows: Array) -> float:
        pairs = itertools.product(range(len(rows)), repeat=2)
        return float(np.mean([k(kernel, rows[i], rows[j]) for i, j in pairs if i != j or not kernel.unbiased]))

    across = np.mean([k(kernel, one, other) for one in x for other in y])
    return kernel.scale * (within(x) - 2 * float(across) + within(y))


@by_name
@pytest.mark.parametrize(("n", "m"), [(12, 17), (2, 9), (30, 5)])
def test_equals_the_definition(kernel: Kernel, n: int, m: int) -> None:
    x, y = images(0, n, 8, shift=0.2), images(1, m, 8)
    assert distance(x, KernelReference.of(y, kernel)) == pytest.approx(by_pairs(kernel, x, y), rel=1e-9)


def test_kid_of_equally_many_images_equals_torchmetrics() -> None:
    x, y = images(2, 200, 96, shift=0.1), images(3, 200, 96)
    theirs = float(poly_mmd(torch.from_numpy(y), torch.from_numpy(x)))
    assert distance(x, KernelReference.of(y, KID)) == pytest.approx(theirs, rel=1e-6)


class Handed(torch.nn.Module):
    """An extractor that hands on the features it is given."""

    num_features = 64

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


def test_kid_over_subsets_equals_the_metric_of_torchmetrics() -> None:
    """Its score is the mean of ours over the subsets that it draws."""
    x, y = images(4, 90, 64, shift=0.05), images(5, 120, 64)
    metric = KernelInceptionDistance(feature=Handed(), subsets=6, subset_size=40)
    metric.update(torch.from_numpy(y), real=True)
    metric.update(torch.from_numpy(x), real=False)
    torch.manual_seed(0)
    theirs = float(metric.compute()[0])
    torch.manual_seed(0)
    ours = []
    for _ in range(6):
        real, fake = torch.randperm(len(y))[:40].numpy(), torch.randperm(len(x))[:40].numpy()
        ours.append(distance(x[fake], KernelReference.of(y[real], KID)))
    assert np.mean(ours) == pytest.approx(theirs, rel=1e-6)


def test_cmmd_equals_the_published_matrix_form() -> None:
    """google-research/cmmd: mean of exp(-gamma (-2 x y + |x|^2 + |y|^2)) over all pairs of unit rows, times 1,000."""
    x, y = images(6, 60, 48, shift=0.1), images(7, 80, 48)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y)]

    def mean(a: Array, b: Array) -> float:
        squared = -2 * a @ b.T + (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
        return float(np.exp(-squared / (2 * 10**2)).mean())

    theirs = 1000 * (mean(unit[0], unit[0]) + mean(unit[1], unit[1]) - 2 * mean(unit[0], unit[1]))
    assert distance(x, KernelReference.of(y, CMMD)) == pytest.approx(theirs, rel=1e-6)
    assert distance(3 * x, KernelReference.of(0.5 * y, CMMD)) == pytest.approx(theirs, rel=1e-6)


def test_a_set_is_at_distance_0_from_itself_and_unbiased_ones_below() -> None:
    rows = images(8, 50, 16)
    assert distance(rows, KernelReference.of(rows, CMMD)) == pytest.approx(0.0, abs=1e-12)
    for kernel in (KID, CMMD_UNBIASED):
        assert distance(rows, KernelReference.of(rows, kernel)) < 0


@by_name
def test_symmetry(kernel: Kernel) -> None:
    x, y = images(9, 40, 16, shift=0.2), images(10, 70, 16)
    forth, back = distance(x, KernelReference.of(y, kernel)), distance(y, KernelReference.of(x, kernel))
    assert forth == pytest.approx(back, rel=1e-10)


@by_name
def test_blocks_change_nothing(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, labels = images(11, 45, 16), images(12, 70, 16).astype(np.float32), np.arange(45) // 4
    whole = found(x, KernelReference.of(y, kernel), labels)
    monkeypatch.setattr(kernel_module, "BLOCK", 8)
    blocks = found(x, KernelReference.of(y, kernel), labels)
    assert blocks.estimate == pytest.approx(whole.estimate, rel=1e-12, abs=1e-13 * kernel.scale)
    np.testing.assert_allclose(blocks.influence, whole.influence, atol=1e-12 * np.abs(whole.influence).max())


@by_name
def test_memory_holds_blocks_and_never_all_pairs(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 x 4,000 values would take 128 MB."""
    monkeypatch.setattr(kernel_module, "BLOCK", 256)
    x, y = images(30, 4000, 8).astype(np.float32), images(31, 4000, 8).astype(np.float32)
    tracemalloc.start()
    found(x, KernelReference.of(y, kernel))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


REFERENCES = {kernel.name: KernelReference.of(images(13, 20, 3), kernel) for kernel in KERNELS}


def tables() -> st.SearchStrategy[Array]:
    numbers = st.floats(0.01, 50, allow_subnormal=False)
    return st.lists(st.lists(numbers, min_size=3, max_size=3), max_size=8).map(
        lambda rows: np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    )


@by_name
@settings(deadline=None, max_examples=40)
@given(tables(), tables(), tables())
def test_merging_is_associative_commutative_and_equal_to_one_pass(kernel: Kernel, x: Array, y: Array, z: Array) -> None:
    """To 1e-12 of the largest kernel value that went into a sum."""
    reference = REFERENCES[kernel.name]
    rows, prompts = np.vstack([x, y, z]), np.arange(len(x) + len(y) + len(z)) // 2
    a, b, c = (
        kernel_state(part, labels, reference)
        for part, labels in zip((x, y, z), np.split(prompts, [len(x), len(x) + len(y)]), strict=True)
    )
    whole = kernel_jackknife(kernel_state(rows, prompts, reference), reference)
    largest = kernel.scale * (1 + (rows**2).sum(axis=1).max(initial=0.0) / 3) ** 3
    for merged in (merge(merge(a, b), c), merge(a, merge(b, c)), merge(merge(c, a), b)):
        one = kernel_jackknife(merged, reference)
        assert (one.n, one.estimate is None) == (whole.n, whole.estimate is None)
        np.testing.assert_array_equal(one.clusters, whole.clusters)
        np.testing.assert_allclose(one.influence, whole.influence, rtol=0, atol=1e-12 * largest)
        if one.estimate is not None:
            assert one.estimate == pytest.approx(whole.estimate, rel=0, abs=1e-12 * largest)


@by_name
@settings(deadline=None, max_examples=40)
@given(st.data(), tables())
def test_any_sharding_merged_in_any_order_is_one_pass(kernel: Kernel, data: st.DataObject, x: Array) -> None:
    """Each image falls into any of up to five shards, some of them empty; pairs of states are merged until one is left."""
    reference, prompts = REFERENCES[kernel.name], np.arange(len(x)) // 2
    shards = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(x), max_size=len(x))), dtype=np.intp)
    states = [kernel_state(x[shards == shard], prompts[shards == shard], reference) for shard in range(5)]
    while len(states) > 1:
        first = states.pop(data.draw(st.integers(0, len(states) - 1)))
        second = states.pop(data.draw(st.integers(0, len(states) - 1)))
        states.append(merge(first, second))
    one, whole = kernel_jackknife(states[0], reference), found(x, reference, prompts)
    largest = kernel.scale * (1 + (x**2).sum(axis=1).max(initial=0.0) / 3) ** 3
    assert (one.n, one.estimate is None) == (whole.n, whole.estimate is None)
    np.testing.assert_array_equal(one.clusters, whole.clusters)
    np.testing.assert_allclose(one.influence, whole.influence, rtol=0, atol=1e-12 * largest)
    if whole.estimate is not None:
        assert one.estimate == pytest.approx(whole.estimate, rel=0, abs=1e-12 * largest)


@by_name
def test_any_sharding_and_order_of_many_images(kernel: Kernel) -> None:
    x, prompts, reference = images(14, 300, 24, shift=0.1), np.arange(300) // 3, REFERENCES_24[kernel.name]
    whole = found(x, reference, prompts)
    order = np.random.default_rng(0).permutation(300)
    for cuts in ([1, 2, 3], [150], list(range(0, 300, 7))):
        total = kernel_state(x[:0], prompts[:0], reference)
        for shard in np.split(order, cuts):
            total = merge(kernel_state(x[shard], prompts[shard], reference), total)
        merged = kernel_jackknife(total, reference)
        assert merged.estimate == pytest.approx(whole.estimate, rel=1e-12, abs=1e-14 * kernel.scale)
        np.testing.assert_allclose(merged.influence, whole.influence, rtol=0, atol=1e-12 * kernel.scale)


REFERENCES_24 = {kernel.name: KernelReference.of(images(15, 400, 24), kernel) for kernel in KERNELS}


@by_name
@pytest.mark.parametrize("size", [1, 5])
def test_influences_equal_leaving_out_each_cluster(kernel: Kernel, size: int) -> None:
    rng, reference = np.random.default_rng(16), REFERENCES_24[kernel.name]
    x, labels = images(17, 60, 24, shift=0.1), rng.permutation(np.arange(60) // size)
    seed = found(x, reference, labels)
    distances = np.array([distance(x[labels != label], reference) for label in np.unique(labels)])
    groups = len(distances)
    truth = -np.sqrt((groups - 1) / groups) * (distances - distances.mean())
    assert np.abs(seed.influence - truth).max() < 1e-9 * np.abs(truth).max()
    assert seed.influence.sum() == pytest.approx(0.0, abs=1e-9 * np.abs(truth).max())


def test_clusters_of_unlike_sizes() -> None:
    x, labels, reference = images(18, 30, 24), np.array([0] * 17 + [1] * 3 + [2] * 10), REFERENCES_24["kid"]
    distances = np.array([distance(x[labels != label], reference) for label in range(3)])
    truth = -np.sqrt(2 / 3) * (distances - distances.mean())
    np.testing.assert_allclose(found(x, reference, labels).influence, truth, rtol=1e-9)


@pytest.mark.parametrize("kernel", [KID, CMMD_UNBIASED], ids=lambda kernel: kernel.name)
def test_unbiased_where_both_sets_come_from_one_distribution(kernel: Kernel) -> None:
    """1,000 draws of both sets: the mean lies within 3 standard errors of 0. The published CMMD lies far above."""
    rng = np.random.default_rng(19)
    pairs = [(rng.gamma(0.5, 1.0, (12, 6)), rng.gamma(0.5, 1.0, (15, 6))) for _ in range(1000)]
    values = np.array([distance(x, KernelReference.of(y, kernel)) for x, y in pairs])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean()) < 3 * error
    if kernel is CMMD_UNBIASED:
        biased = [distance(x, KernelReference.of(y, CMMD)) for x, y in pairs]
        assert np.mean(biased) > 30 * error
        assert min(biased) >= 0


@pytest.mark.parametrize("kernel", [KID, CMMD_UNBIASED], ids=lambda kernel: kernel.name)
def test_the_number_of_images_does_not_matter_to_an_unbiased_distance(kernel: Kernel) -> None:
    reference, rng = KernelReference.of(images(20, 300, 6), kernel), np.random.default_rng(21)
    few, many = (np.array([distance(rng.gamma(0.6, 1.0, (n, 6)), reference) for _ in range(600)]) for n in (5, 60))
    assert abs(few.mean() - many.mean()) < 3 * np.hypot(few.std(), many.std()) / np.sqrt(600)


def pictures(rng: np.random.Generator, prompts: int, offset: Array) -> Array:
    """Features (P, S, 24) with a strong prompt effect that all seeds share; `offset` (S,) shifts the seeds."""
    spread = np.linspace(1, 0.1, 24)
    lengths = np.sqrt(rng.gamma(4, 0.25, (prompts, 1)))
    prompt = np.maximum(rng.standard_normal((prompts, 24)) * spread + 0.5, 0) * lengths
    own = 0.3 * rng.standard_normal((prompts, len(offset), 24)) * spread
    return np.asarray(prompt[:, None] + own + offset[:, None])


@pytest.mark.parametrize(("kernel", "widest"), [(KID, 1.2), (CMMD_UNBIASED, 1.45)], ids=["kid", "cmmd_unbiased"])
def test_intervals_cover_the_expected_differences_between_seeds(kernel: Kernel, widest: float) -> None:
    """95 % intervals over 60 prompts, 300 replications of 3 seeds: coverage at least 0.93, errors not too small.

    Distances near 0 are quadratic in the images, and there errors come out up to the root of 2 too wide (Efron, Stein 1981):
    those of CMMD do.
    """
    rng, offset = np.random.default_rng(23), np.array([0.1, 0.0, 0.05])
    reference = KernelReference.of(pictures(rng, 300, np.zeros(1))[:, 0], kernel)

    grids = (pictures(rng, 60, offset) for _ in range(1000))
    means = np.mean([[distance(grid[:, seed], reference) for seed in range(3)] for grid in grids], axis=0)
    expected = means - np.median(means)
    hits, errors, estimates = [], [], []
    for _ in range(300):
        grid = pictures(rng, 60, offset)
        one = paired_bootstrap([found(grid[:, seed], reference) for seed in range(3)], rng, resamples=1).difference
        hits.append((one.lo <= expected) & (expected <= one.hi))
        errors.append(one.se)
        estimates.append(one.estimate)
    assert np.mean(hits) > 0.93
    ratio = np.sqrt(np.mean(np.square(errors), axis=0)) / np.std(estimates, axis=0)
    assert (ratio > 0.93).all()
    assert ratio[0] < widest  # of the seed that is clear of the median one


@by_name
def test_pairing_shrinks_the_interval_of_differences(kernel: Kernel) -> None:
    rng = np.random.default_rng(24)
    reference = KernelReference.of(pictures(rng, 300, np.zeros(1))[:, 0], kernel)
    grid = pictures(rng, 60, np.array([0.4, 0.4, 0.6, 0.4, 0.4]))
    paired = paired_bootstrap([found(grid[:, seed], reference) for seed in range(5)], rng)
    assert (paired.difference.se < 0.6 * paired.distance.se).all()
    assert paired.difference.lo[2] > 0
    assert paired.top_share(4)[2] < 0.05


@by_name
def test_undefined_is_none(kernel: Kernel) -> None:
    reference = REFERENCES_24[kernel.name]
    spoilt = images(25, 9, 24)
    spoilt[4, 7] = np.nan
    endless = images(25, 9, 24)
    endless[4, 7] = np.inf
    overflowing = np.full((9, 24), 1e200)
    for rows in (np.empty((0, 24)), spoilt, endless, overflowing):
        seed = found(rows, reference)
        assert seed.estimate is None
        assert seed.n == len(rows)
        assert np.isnan(seed.influence).all()
    assert (found(np.ones((1, 24)), reference).estimate is None) == kernel.unbiased
    two = found(images(26, 2, 24), reference)
    assert two.estimate is not None
    assert np.isnan(two.influence).all() == kernel.unbiased
    one_prompt = found(images(26, 6, 24), reference, np.zeros(6))
    assert one_prompt.estimate is not None
    assert np.isnan(one_prompt.influence).all()


def test_equal_images_and_zero_vectors() -> None:
    for kernel in KERNELS:
        rows = np.tile(images(27, 1, 24), (6, 1))
        seed = found(rows, REFERENCES_24[kernel.name])
        assert seed.estimate is not None
        np.testing.assert_allclose(seed.influence, 0.0, atol=1e-12 * kernel.scale)
        assert distance(rows, KernelReference.of(rows[:3], kernel)) == pytest.approx(0.0, abs=1e-12 * kernel.scale)
    dark = images(28, 6, 24)
    dark[3] = 0.0
    assert found(dark, REFERENCES_24["kid"]).estimate is not None
    assert found(dark, REFERENCES_24["cmmd"]).estimate is None
    assert np.isnan(REFERENCES_24["cmmd"].witness(dark)).tolist() == [False] * 3 + [True] + [False] * 2


def test_a_witness_depends_on_its_image_alone() -> None:
    rows, reference = images(29, 30, 24), REFERENCES_24["kid"]
    together = reference.witness(rows)
    np.testing.assert_allclose([reference.witness(row[None])[0] for row in rows], together, rtol=1e-13)
    truth = np.mean((rows @ images(15, 400, 24).T / 24 + 1) ** 3, axis=1)
    np.testing.assert_allclose(together, truth, rtol=1e-12)


def test_bad_arguments_are_errors() -> None:
    reference = REFERENCES_24["kid"]
    with pytest.raises(ValueError, match=r"shape \(1, 4\); kid needs 2 rows"):
        KernelReference.of(np.ones((1, 4)), KID)
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        KernelReference.of(np.ones(4), CMMD)
    for kernel, rows in ((KID, np.full((3, 4), np.nan)), (CMMD, np.zeros((3, 4)))):
        with pytest.raises(ValueError, match="not finite, or a row of zeros"):
            KernelReference.of(rows, kernel)
    with pytest.raises(ValueError, match="reference has 24 dimensions"):
        kernel_state(np.ones((3, 5)), np.arange(3), reference)
    with pytest.raises(ValueError, match="3 rows of features, but 2 cluster labels"):
        kernel_state(np.ones((3, 24)), np.arange(2), reference)
    state = KernelState(np.ones((1, 5)), np.arange(1), np.ones(1))
    with pytest.raises(ValueError, match="of 24 and of 5 dimensions"):
        merge(kernel_state(np.ones((3, 24)), np.arange(3), reference), state)
