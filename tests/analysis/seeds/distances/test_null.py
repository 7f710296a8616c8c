"""Shuffles of every distance: exactly those of the groups of prompts, and uniform p-values where seeds have luck alone."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from seedscope.analysis.seeds.distances import frechet_null
from seedscope.analysis.seeds.distances.base import FRECHET, NAMES, Distance, RealFeatures, distance_class
from seedscope.analysis.seeds.distances.fd_infinity_null import fd_infinity_shuffle_null
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import Array, moments
from seedscope.analysis.seeds.distances.null import Spread

DIMENSIONS = 3


def grid(rng: np.random.Generator, prompts: int, seeds: int) -> Array:
    """Features (P, S, 3) with a strong prompt effect that all seeds share."""
    prompt = rng.gamma(0.5, 1.0, (prompts, 1, DIMENSIONS))
    return np.asarray(prompt + rng.gamma(0.2, 1.0, (prompts, seeds, DIMENSIONS)))


REAL = grid(np.random.default_rng(99), 80, 1)[:, 0]
GAUSSIAN = Reference.of(moments(REAL))
KNOWN = RealFeatures(GAUSSIAN, lambda: REAL, lambda _: np.random.default_rng(98))
DISTANCES: dict[str, Distance] = {name: distance_class(name)(KNOWN) for name in (FRECHET, *NAMES)}
COUNTED = ("precision", "recall", "density", "coverage", "authenticity")
each = pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)


def of_seeds(distance: Distance, features: Array) -> Array:
    """(S,) distances, one seed at a time."""
    found = [distance.of_seed(features[:, seed], np.arange(len(features))) for seed in range(features.shape[1])]
    return np.array([one.estimate for one in found], dtype=np.float64)


def spread_of(distance: Distance, values: Array) -> list[float]:
    """The best, the worst and the deviation of measures (S,)."""
    ends = sorted([values.min(), values.max()], reverse=distance.better == "higher")
    return [*ends, values.std()]


def spreads(spread: Spread) -> Array:
    """(B, 3): the best, the worst, the deviation."""
    return np.stack([spread.best, spread.worst, spread.deviation], axis=-1)


@each
def test_shuffles_are_those_of_the_blocks_and_no_others(distance: Distance) -> None:
    """Groups of 3, 2 and 3 prompts, which stand mixed, and 3 seeds: 216 ways to hand blocks to seeds, each measured."""
    labels = np.array(["b", "a", "b", "c", "a", "c", "b", "c"])
    features = grid(np.random.default_rng(0), 8, 3)
    ways = []
    for orders in product(permutations(range(3)), repeat=3):
        order = dict(zip("abc", orders, strict=True))
        handed = np.stack([features[prompt, list(order[label])] for prompt, label in enumerate(labels)])
        ways.append(spread_of(distance, of_seeds(distance, handed)))
    known = np.array(ways)
    null = distance.null(features, np.random.default_rng(1), 400, labels)
    observed = of_seeds(distance, features)
    np.testing.assert_allclose(spreads(null.observed), spread_of(distance, observed), rtol=1e-8)
    gaps = np.abs(spreads(null.chance)[:, None] - known).max(axis=2)
    assert gaps.min(axis=1).max() < 1e-9 * np.abs(known).max()
    # 216 ways are 36 up to the names of the seeds; 400 shuffles leave one of them out with a chance of 0.0005. Shares of few
    # pictures are alike in some of them.
    different = len(np.unique(np.round(known[:, 2], 9)))
    assert len(np.unique(np.round(spreads(null.chance)[:, 2], 9))) == different
    assert different == 36 or distance.name in COUNTED
    exact = (known[:, 2] >= observed.std() * (1 - 1e-9)).mean()
    assert null.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 400) + 1 / 400)


@each
def test_luck_with_an_object_is_no_evidence_where_its_prompts_are_shuffled_together(distance: Distance) -> None:
    """Each seed has an effect of its own in each group of three prompts, and none beyond: 100 such worlds. What is counted has
    ties, which make p-values larger, never smaller."""
    rng, groups, alone = np.random.default_rng(2), np.repeat(np.arange(6), 3), np.arange(18)
    by_group, by_prompt = [], []
    for _ in range(100):
        luck = 2.0 * rng.gamma(0.5, 1.0, (6, 4, DIMENSIONS))
        features = grid(rng, 18, 4) + np.repeat(luck, 3, axis=0)
        by_group.append(distance.null(features, rng, 19, groups).p_value)
        by_prompt.append(distance.null(features, rng, 19, alone).p_value)
    counts = np.bincount(np.ceil(np.array(by_group) * 10 - 1e-9).astype(int) - 1, minlength=10)
    if distance.name in COUNTED:
        level = np.arange(1, 11) / 10
        assert (counts.cumsum() / 100 <= level + 3.3 * np.sqrt(level * (1 - level) / 100)).all()
    else:
        assert stats.chisquare(counts).pvalue > 0.001
    assert counts.sum() == 100
    if distance.name != "authenticity":  # such luck makes hardly any copies
        assert np.mean(np.array(by_prompt) <= 0.05) > 0.12


@each
def test_a_group_for_each_prompt_is_no_group(distance: Distance) -> None:
    """Whatever the labels: groups are counted as they appear, so that names of prompts change nothing."""
    features, names = grid(np.random.default_rng(3), 8, 4), np.array(list("hcabgfde"))
    named, numbered = (
        distance.null(features, np.random.default_rng(4), 19, labels) for labels in (names, np.arange(8))
    )
    np.testing.assert_array_equal(spreads(named.chance), spreads(numbered.chance))


@each
@pytest.mark.parametrize(("labels", "told"), [(np.zeros(8), "8 labels of 1 groups"), (np.arange(5), "5 labels of 5")])
def test_wrong_groups_are_errors(distance: Distance, labels: Array, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        distance.null(grid(np.random.default_rng(5), 8, 4), np.random.default_rng(6), 19, labels)


def test_the_null_of_limits_is_the_same_in_both_ways_and_wants_six_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Reference.of(moments(np.random.default_rng(7).gamma(0.5, 1.0, (200, 40))))
    features = np.random.default_rng(8).gamma(0.5, 1.0, (20, 3, 40))

    def null() -> Array:
        drawn, rng = np.random.default_rng(9), np.random.default_rng(10)
        return spreads(fd_infinity_shuffle_null(features, reference, drawn, rng, 9).chance)

    by_grams = null()
    monkeypatch.setattr(frechet_null, "LARGEST_GRAM", 0)
    np.testing.assert_allclose(null(), by_grams, rtol=1e-8)
    with pytest.raises(ValueError, match=r"5 prompts are too few to extrapolate from subsets of \[2, 5\]"):
        fd_infinity_shuffle_null(features[:5], reference, np.random.default_rng(0), np.random.default_rng(0))


@each
def test_the_number_of_cores_changes_nothing(distance: Distance, monkeypatch: pytest.MonkeyPatch) -> None:
    features, found = grid(np.random.default_rng(5), 8, 4), []
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        null = distance.null(features, np.random.default_rng(6), 20, None)
        found.append(spreads(null.chance))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
