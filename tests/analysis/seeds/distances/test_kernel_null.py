"""Shuffles of kernel distances: uniform p-values where no seed matters, exact sums, a planted seed found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedscope.analysis.seeds.distances.cmmd import CMMD_UNBIASED
from seedscope.analysis.seeds.distances.kernel import Kernel, KernelReference, kernel_jackknife, kernel_state
from seedscope.analysis.seeds.distances.kernel_null import kernel_shuffle_null
from seedscope.analysis.seeds.distances.kid import KID
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.null import ShuffleNull

both = pytest.mark.parametrize("kernel", [KID, CMMD_UNBIASED], ids=lambda kernel: kernel.name)


def grid(rng: np.random.Generator, prompts: int, seeds: int, dimensions: int, offset: Array | float = 0.0) -> Array:
    """Features (P, S, D) with a strong prompt effect that all seeds share; `offset` (S,) shifts the seeds."""
    prompt = rng.gamma(0.5, 1.0, (prompts, 1, dimensions))
    own = rng.gamma(0.2, 1.0, (prompts, seeds, dimensions))
    return np.asarray(prompt + own + np.reshape(offset, (1, -1, 1)))


def reference_of(kernel: Kernel, dimensions: int) -> KernelReference:
    return KernelReference.of(grid(np.random.default_rng(99), 60, 1, dimensions)[:, 0], kernel)


def assert_uniform(p_values: Array) -> None:
    """On 1/20 .. 20/20: chi-square over ten pairs of values, p > 0.001."""
    counts = np.bincount(np.ceil(p_values * 10 - 1e-9).astype(int) - 1, minlength=10)
    assert counts.sum() == len(p_values)
    assert stats.chisquare(counts).pvalue > 0.001


@both
def test_p_values_are_uniform_where_no_seed_matters(kernel: Kernel) -> None:
    reference, rng = reference_of(kernel, 4), np.random.default_rng(0)
    found = [kernel_shuffle_null(grid(rng, 6, 4, 4), reference, rng, shuffles=19) for _ in range(300)]
    assert_uniform(np.array([null.p_value for null in found]))


def test_luck_with_an_object_is_no_evidence_where_its_prompts_are_shuffled_together() -> None:
    """Each seed has an effect of its own in each group of three prompts, and none beyond: 200 such worlds."""
    reference, rng, groups = reference_of(CMMD_UNBIASED, 4), np.random.default_rng(1), np.repeat(np.arange(6), 3)
    by_group, by_prompt = [], []
    for _ in range(200):
        features = grid(rng, 18, 4, 4) + np.repeat(rng.gamma(0.5, 1.0, (6, 4, 4)), 3, axis=0)
        by_group.append(kernel_shuffle_null(features, reference, rng, 19, groups).p_value)
        by_prompt.append(kernel_shuffle_null(features, reference, rng, 19).p_value)
    assert_uniform(np.array(by_group))
    assert np.mean(np.array(by_prompt) <= 0.05) > 0.12


@both
def test_finds_seeds_that_differ(kernel: Kernel) -> None:
    reference, rng = reference_of(kernel, 8), np.random.default_rng(2)
    features = grid(rng, 30, 6, 8, np.array([0.5, 0, 0, 0, 0, 0]))
    null = kernel_shuffle_null(features, reference, rng, shuffles=99)
    states = [kernel_state(features[:, seed], np.arange(30), reference) for seed in range(6)]
    distances = [kernel_jackknife(state, reference).estimate or 0.0 for state in states]
    assert [null.observed.best, null.observed.worst] == pytest.approx([min(distances), max(distances)], rel=1e-9)
    assert null.p_value == pytest.approx(0.01)
    assert null.chance.best.shape == null.chance.worst.shape == null.chance.deviation.shape == (99,)
    assert (null.chance.best <= null.chance.worst).all()


@both
def test_both_ways_to_shuffle_agree_and_repeat(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, features = reference_of(kernel, 8), grid(np.random.default_rng(4), 12, 4, 8)

    def null() -> ShuffleNull:
        return kernel_shuffle_null(features, reference, np.random.default_rng(0), shuffles=19)

    from_gram = null()
    np.testing.assert_array_equal(from_gram.chance.best, null().chance.best)
    monkeypatch.setattr("seedscope.analysis.seeds.distances.kernel_null.LARGEST_GRAM", 0)
    np.testing.assert_allclose(null().chance.deviation, from_gram.chance.deviation, rtol=1e-9)
    assert null().p_value == from_gram.p_value


def test_equal_images_do_not_differ() -> None:
    reference = reference_of(KID, 4)
    null = kernel_shuffle_null(np.ones((5, 3, 4)), reference, np.random.default_rng(5), shuffles=9)
    assert null.p_value == 1.0
    assert null.observed.deviation == pytest.approx(0.0, abs=1e-12)


def test_bad_arguments_are_errors() -> None:
    reference, rng = reference_of(CMMD_UNBIASED, 4), np.random.default_rng(6)
    for shape in ((3, 4), (1, 3, 4), (3, 1, 4)):
        with pytest.raises(ValueError, match="features of shape"):
            kernel_shuffle_null(np.ones(shape), reference, rng)
    for value in (np.nan, 0.0):
        with pytest.raises(ValueError, match="complete grid"):
            kernel_shuffle_null(np.full((3, 2, 4), value), reference, rng)
    with pytest.raises(ValueError, match="0 shuffles"):
        kernel_shuffle_null(np.ones((3, 2, 4)), reference, rng, shuffles=0)
    for groups in (np.arange(2), np.zeros(3)):
        with pytest.raises(ValueError, match="for 3 prompts: need one each"):
            kernel_shuffle_null(np.ones((3, 2, 4)), reference, rng, groups=groups)
