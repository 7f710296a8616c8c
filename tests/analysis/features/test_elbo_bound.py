"""The variational bound against known densities: a Gaussian, and a mixture; levels of noise, and the noise that is shared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from seedscope.analysis.features.elbo.bound import Array, Levels, Predict, bits, mean_error, squared_errors
from seedscope.analysis.features.elbo.shared_noise import FIRST_SEED, shared_noise

SCHEDULE = np.cumprod(1 - np.linspace(0.00085**0.5, 0.02**0.5, 1000) ** 2)
"""Of sprout: -log SNR from -7.1 to 8.4."""
CENTRES, SPREAD = np.array([[-1.5, 0.0], [1.0, 1.0], [1.0, -1.2]]), 0.4


def gaussian(levels: Levels, mean: float, spread: float) -> Predict:
    """The best prediction of the noise in z where x is normal: sigma (z - alpha m) / (alpha^2 s^2 + sigma^2)."""

    def predict(noisy: torch.Tensor, point: int) -> torch.Tensor:
        alpha, sigma = float(levels.alpha[point]), float(levels.sigma[point])
        return sigma * (noisy - alpha * mean) / (alpha**2 * spread**2 + sigma**2)

    return predict


def mixture(levels: Levels) -> Predict:
    """The best prediction where x is a mixture of three: -sigma times the gradient of log p(z)."""
    centres = torch.from_numpy(CENTRES)

    def predict(noisy: torch.Tensor, point: int) -> torch.Tensor:
        alpha, sigma = float(levels.alpha[point]), float(levels.sigma[point])
        away = noisy[:, None] - alpha * centres
        variance = alpha**2 * SPREAD**2 + sigma**2
        weights = torch.softmax(-away.square().sum(dim=2) / (2 * variance), dim=1)
        return sigma * (weights[..., None] * away).sum(dim=1) / variance

    return predict


def plane(circles: int, angles: int) -> torch.Tensor:
    """Noise (circles x angles, 2) that stands for the normal distribution of the plane: equally likely rings and sectors."""
    inside = (np.arange(circles) + 0.5) / circles
    radii = np.sqrt(-2 * np.log1p(-inside))
    radii *= np.sqrt(2 / (radii**2).mean())
    turns = 2 * np.pi * (np.arange(angles) + np.arange(circles)[:, None] / circles) / angles
    return torch.from_numpy(np.stack([radii[:, None] * np.cos(turns), radii[:, None] * np.sin(turns)], axis=2)).flatten(
        0, 1
    )


def bound(latents: Array, noises: torch.Tensor, levels: Levels, predict: Predict) -> Array:
    found = torch.from_numpy(latents)
    errors = squared_errors(found, noises.double(), levels, predict)
    return bits(errors, found.flatten(1).square().mean(dim=1).numpy(), levels)


@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0])
def test_the_bound_of_a_gaussian_is_its_density(spread: float) -> None:
    mean = 0.5
    latents = mean + spread * np.random.default_rng(0).standard_normal((3, 1024))
    exact = np.log(2 * np.pi * spread**2) / 2 + ((latents - mean) ** 2).mean(axis=1) / (2 * spread**2)
    missed = {}
    for points in (8, 16, 32):
        levels = Levels.of(SCHEDULE, points)
        drawn = shared_noise(points, 1, (1024,))
        # With each its negative, the mean over noise is exact for a prediction that is linear in it.
        noises = torch.cat([drawn, -drawn], dim=1)
        missed[points] = np.abs(
            bound(latents, noises, levels, gaussian(levels, mean, spread)) - exact / np.log(2)
        ).max()
    print(f"s = {spread}: " + ", ".join(f"{points} points {error:.5f} bits" for points, error in missed.items()))
    assert missed[8] < 0.004 and missed[16] < 0.0008 and missed[32] < 0.0003


def test_the_bound_of_a_mixture_is_its_density_and_a_worse_prediction_is_looser() -> None:
    rng = np.random.default_rng(1)
    latents = CENTRES[rng.integers(3, size=12)] + SPREAD * rng.standard_normal((12, 2))
    squares = ((latents[:, None] - CENTRES) ** 2).sum(axis=2)
    exact = -(logsumexp(-squares / (2 * SPREAD**2), axis=1) - np.log(3 * 2 * np.pi * SPREAD**2)) / (2 * np.log(2))
    levels = Levels.of(SCHEDULE, 16)
    noises = plane(12, 12).expand(16, -1, -1)
    found = bound(latents, noises, levels, mixture(levels))
    print(f"mixture: {np.abs(found - exact).max():.4f} bits")
    assert np.abs(found - exact).max() < 0.01
    whole = float(np.sqrt(SPREAD**2 + CENTRES.var(axis=0).mean()))
    worse = bound(latents, noises, levels, gaussian(levels, float(CENTRES.mean()), whole))
    assert worse.mean() > found.mean() + 0.15


def test_levels_are_even_in_log_snr_and_are_those_of_the_schedule() -> None:
    levels = Levels.of(SCHEDULE, 9)
    assert np.ptp(np.diff(levels.gamma)) < 1e-12
    np.testing.assert_allclose(levels.alpha**2 + levels.sigma**2, 1)
    assert (levels.times[0], levels.times[-1]) == (0, 999)
    np.testing.assert_allclose(levels.alpha[[0, -1]] ** 2, SCHEDULE[[0, -1]])
    # Between two steps of training, the signal is between theirs.
    below = np.floor(levels.times[1:-1]).astype(int)
    assert (levels.alpha[1:-1] ** 2 <= SCHEDULE[below]).all() and (levels.alpha[1:-1] ** 2 >= SCHEDULE[below + 1]).all()


def test_a_level_without_signal_is_left_out() -> None:
    np.testing.assert_array_equal(Levels.of(np.append(SCHEDULE, 0.0), 8).gamma, Levels.of(SCHEDULE, 8).gamma)


@pytest.mark.parametrize(("schedule", "points"), [(SCHEDULE, 1), (SCHEDULE[::-1], 8), (SCHEDULE[:1], 8)])
def test_a_schedule_that_is_none_is_refused(schedule: Array, points: int) -> None:
    with pytest.raises(ValueError, match="noise grows with every step"):
        Levels.of(schedule, points)


def test_the_mean_error_counts_every_step_of_training_alike() -> None:
    levels = Levels.of(SCHEDULE, 8)
    np.testing.assert_allclose(mean_error(np.full((8, 2), 0.3), levels), 0.3)
    np.testing.assert_allclose(mean_error(levels.times[:, None], levels), 999 / 2)


def test_shared_noise_is_drawn_again_alternates_and_has_unit_size() -> None:
    noise = shared_noise(5, 2, (16, 8, 8))
    assert noise.shape == (5, 2, 16, 8, 8) and noise.dtype == torch.float32
    assert torch.equal(noise, shared_noise(5, 2, (16, 8, 8)))
    assert torch.equal(noise[1], -noise[0]) and torch.equal(noise[3], -noise[2])
    torch.testing.assert_close(noise.square().mean(dim=(2, 3, 4)), torch.ones(5, 2))
    others = torch.stack([noise[0, 0], noise[0, 1], noise[2, 0], noise[4, 1], shared_noise(5, 2, (16, 8, 8), 1)[0, 0]])
    alike = torch.corrcoef(others.flatten(1)) - torch.eye(5)
    assert alike.abs().max() < 0.15


def test_shared_noise_is_not_that_of_a_picture() -> None:
    """torch's CPU generator forgets the upper half of a seed: a large one may be a small one."""

    def picture(seed: int) -> torch.Tensor:
        return torch.randn((16, 8, 8), generator=torch.Generator("cpu").manual_seed(seed))

    assert torch.equal(picture(2**32 + 3), picture(3))
    assert 2**31 < FIRST_SEED < 2**32
    added = shared_noise(2, 1, (16, 8, 8))[0, 0].flatten()
    for seed in range(64):
        assert abs(float(torch.corrcoef(torch.stack([added, picture(seed).flatten()]))[0, 1])) < 0.15
