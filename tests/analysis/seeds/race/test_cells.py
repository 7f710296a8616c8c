"""The mixed model by patterns of missing cells, beside the same model written out as one large matrix."""

import numpy as np
import numpy.typing as npt
import pytest

from seedscope.analysis.seeds.race.cells import Cells
from seedscope.analysis.seeds.race.prior import Prior, student
from seedscope.analysis.seeds.scores.scores import StatisticsError

Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def scores() -> Array:
    """12 prompts x 9 seeds: three seeds stay for the last prompts; some cells are missing, and one seed has none."""
    rng = np.random.default_rng(3)
    scores = 5.0 * rng.standard_normal((12, 1)) + rng.standard_normal(9) + rng.standard_normal((12, 9))
    scores[5:, 3:] = np.nan
    scores[[0, 2, 7], [1, 4, 0]] = np.nan
    scores[:, 8] = np.nan
    return scores


def written_out(scores: Array, ratio: float, noise: float) -> tuple[Array, Array, float]:
    """Effects, their variances, and the restricted log-likelihood, of the model as it stands in the books."""
    prompt, seed = np.nonzero(~np.isnan(scores))
    y, cells = scores[prompt, seed], len(prompt)
    x, z = np.eye(len(scores))[prompt], np.eye(scores.shape[1])[seed]
    inverse = np.linalg.inv(noise * (np.eye(cells) + ratio * z @ z.T))
    fixed = np.linalg.inv(x.T @ inverse @ x)
    project = inverse - inverse @ x @ fixed @ x.T @ inverse
    known = noise * ratio * z.T
    effect = known @ project @ y
    variance = noise * ratio - np.diag(known @ project @ known.T)
    determinants = np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(fixed)[1]
    return effect, variance, 0.5 * float(determinants - y @ project @ y)


@pytest.mark.parametrize("ratio", [0.02, 0.7, 30.0])
def test_effects_errors_and_likelihood_are_those_of_the_large_matrix(scores: Array, ratio: float) -> None:
    cells, noise = Cells.of(scores), 1.3
    effect, variance, likelihood = written_out(scores, ratio, noise)
    solved = cells.solved(student(ratio, np.inf), noise)
    np.testing.assert_allclose(solved.effect, effect, atol=1e-10)
    np.testing.assert_allclose(solved.variance, variance, atol=1e-10)
    base = cells.solved(student(0.1, np.inf), noise).likelihood - written_out(scores, 0.1, noise)[2]
    assert solved.likelihood - likelihood == pytest.approx(base, abs=1e-9)


def test_the_likeliest_noise_is_where_its_likelihood_is_highest(scores: Array) -> None:
    noise, highest = Cells.of(scores).noise(0.7)
    at = [written_out(scores, 0.7, noise * factor)[2] for factor in (0.99, 1.0, 1.01)]
    assert at[1] == max(at)
    other = Cells.of(scores).noise(0.1)
    best = written_out(scores, 0.1, other[0])[2]
    assert highest - other[1] == pytest.approx(at[1] - best, abs=1e-9)


def test_single_holes_are_of_the_pattern_around_them() -> None:
    rng = np.random.default_rng(9)
    scores = 2.0 * rng.standard_normal((40, 1)) + rng.standard_normal(60) + 3 * rng.standard_normal((40, 60))
    scores[12:, 25:] = np.nan
    scores[rng.random(scores.shape) < 0.02] = np.nan
    cells = Cells.of(scores)
    assert len(cells.patterns) < 5  # of 40 prompts, nearly all of which have other holes
    effect, variance, _ = written_out(scores, 0.1, 9.0)
    solved = cells.solved(student(0.1, np.inf), 9.0)
    assert np.abs(solved.effect - effect).max() < 0.02 * np.sqrt(variance.min())
    np.testing.assert_allclose(solved.variance, variance, rtol=0.002)


def test_equal_parts_are_one_normal_prior(scores: Array) -> None:
    cells = Cells.of(scores)
    one, two = (
        cells.solved(prior, 1.0) for prior in (student(0.5, np.inf), Prior(np.full(2, 0.5), np.array([0.3, 0.7])))
    )
    np.testing.assert_allclose(one.effect, two.effect, atol=1e-12)
    np.testing.assert_allclose(one.variance, two.variance, atol=1e-12)
    assert one.likelihood == pytest.approx(two.likelihood)


def test_heavy_tails_have_the_variance_that_is_asked_for_and_leave_a_far_seed_alone() -> None:
    prior = student(2.0, 4.0)
    assert float(prior.weight @ prior.ratio) == pytest.approx(2.0)
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((4, 60))
    scores[:, 7] += 12.0
    cells = Cells.of(scores)
    normal, heavy = (cells.solved(student(0.5, tails), 1.0) for tails in (np.inf, 4.0))
    assert normal.effect[7] < 9.0 < 11.0 < heavy.effect[7]
    assert heavy.likelihood > normal.likelihood + 10


def test_draws_have_the_mean_and_the_spread_that_are_told(scores: Array) -> None:
    for tails in (np.inf, 4.0):
        solved = Cells.of(scores).solved(student(0.7, tails), 1.3)
        drawn = solved.draws(np.random.default_rng(1), 20_000)
        np.testing.assert_allclose(drawn.mean(axis=0), solved.effect, atol=0.03)
        np.testing.assert_allclose(drawn.var(axis=0), solved.variance, rtol=0.08)


def test_scores_that_compare_nothing_are_a_sentence() -> None:
    with pytest.raises(StatisticsError, match="No prompt has scores of two seeds"):
        Cells.of(np.array([[1.0, np.nan], [np.nan, 2.0]]))
