"""The witness is the derivative of the Frechet distance, and its mean over a seed says how far off the seed is."""

import numpy as np
import pytest

from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Moments, moments
from seedscope.analysis.seeds.distances.witness import Witness

D = 12


def sample(n: int, rng: np.random.Generator, shift: float = 0.0) -> np.ndarray:
    return rng.normal(size=(n, D)) @ np.diag(np.linspace(0.3, 2.0, D)) + shift


def test_it_is_the_derivative_of_the_distance() -> None:
    rng = np.random.default_rng(1)
    reference = Reference.of(moments(sample(400, rng)))
    rows = sample(200, rng, 0.4)
    everything = moments(rows)
    scores = Witness.of(everything, reference).score(rows)

    def distance(weights: np.ndarray) -> float:
        mean = weights @ rows
        around = rows - mean
        root = np.linalg.eigvalsh(reference.factor.T @ ((around * weights[:, None]).T @ around) @ reference.factor)
        gap = mean - reference.mean
        spread = float((weights @ around**2).sum())
        return float(gap @ gap + spread + reference.trace - 2 * np.sqrt(np.clip(root, 0, None)).sum())

    even = np.full(200, 1 / 200)
    for picture in (0, 17, 99):
        one = np.eye(200)[picture]
        step = 1e-5
        slope = (distance((1 - step) * even + step * one) - distance((1 + step) * even - step * one)) / (2 * step)
        # Moments divide by n - 1, weights by n.
        assert scores[picture] == pytest.approx(slope, rel=2e-2, abs=2e-2)


def test_it_averages_to_nothing_over_all_pictures() -> None:
    rng = np.random.default_rng(2)
    reference, rows = Reference.of(moments(sample(300, rng))), sample(500, rng, 0.3)
    scores = Witness.of(moments(rows), reference).score(rows)
    assert abs(scores.mean()) < 0.02 * scores.std()


def test_its_seed_means_order_seeds_as_the_distance_does() -> None:
    rng = np.random.default_rng(3)
    reference = Reference.of(moments(sample(2000, rng)))
    shifts = np.linspace(0, 0.5, 8)
    seeds = [sample(400, rng, shift) for shift in shifts]
    witness = Witness.of(moments(np.concatenate(seeds)), reference)
    means = [witness.score(rows).mean() for rows in seeds]
    distances = [frechet_distance_of_rows(rows, reference) for rows in seeds]
    assert np.argsort(means).tolist() == np.argsort(distances).tolist() == list(range(8))


def test_fewer_pictures_than_dimensions_and_a_broken_row() -> None:
    rng = np.random.default_rng(4)
    reference, rows = Reference.of(moments(sample(6, rng))), sample(5, rng)
    witness = Witness.of(moments(rows), reference)
    rows[2, 3] = np.nan
    scores = witness.score(rows)
    assert np.isnan(scores[2]) and np.isfinite(np.delete(scores, 2)).all()


def test_what_has_no_witness_is_refused() -> None:
    reference = Reference.of(moments(sample(20, np.random.default_rng(5))))
    with pytest.raises(ValueError, match="3 dimensions"):
        Witness.of(moments(np.zeros((4, 3))), reference)
    with pytest.raises(ValueError, match="at least 2"):
        Witness.of(Moments.empty(D), reference)
    with pytest.raises(ValueError, match="not finite"):
        Witness.of(moments(np.full((4, D), np.inf)), reference)
