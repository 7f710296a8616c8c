"""The variational bound of a diffusion model on the density of a latent, on an even grid of noise levels.

A noisy latent is z = alpha x + sigma e, with alpha^2 = sigmoid(-g) and sigma^2 = sigmoid(g), where g = -log SNR. In nats,

    -log p(x) <= prior + diffusion + reconstruction
    prior          = KL(q(z at the noisiest level | x), N(0, I)) = sum of (alpha^2 x^2 + sigma^2 - log sigma^2 - 1) / 2
    diffusion      = 1/2 integral over g of E |e - predicted e|^2
    reconstruction = -E log p(x | z at the cleanest level), of a Gaussian around the denoised latent with variance exp(g)
                   = dimensions (log 2 pi + g) / 2 + E |e - predicted e|^2 / 2

With the exact denoiser the two sides differ by the mean over noise, by the trapezoids, and by the ends of the grid.

Source: Kingma et al. (2021), "Variational Diffusion Models", arXiv 2107.00630, equations 11, 15 and 17.
Deviation: latents are numbers with a density, not bytes, so the reconstruction is a density and the bound may be below 0; the
integral is by trapezoids over an even grid in g, in place of random times: no error is sampled in the level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[np.float64]
Predict = Callable[["torch.Tensor", int], "torch.Tensor"]
"""(noisy latents (N, ...), which level) -> the noise that is predicted to be in them (N, ...)."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of noise, from the cleanest to the noisiest, evenly spaced in the logarithm of the signal-to-noise ratio.

    gamma: (P,) -log SNR. times: (P,) in the model's steps of training, from 0 on; between two of them, a fraction.
    """

    gamma: Array
    times: Array

    @classmethod
    def of(cls, alphas_cumprod: npt.ArrayLike, points: int) -> Levels:
        """The levels of a noise schedule (T,), alpha^2 by step of training; those without any signal are left out.

        Raises ValueError for fewer than 2 points, or a schedule with fewer levels or in another order.
        """
        signal = np.asarray(alphas_cumprod, np.float64)
        signal = signal[signal > 0]
        gamma = np.log1p(-signal) - np.log(signal)
        if points < 2 or len(gamma) < 2 or not (np.isfinite(gamma).all() and (np.diff(gamma) > 0).all()):
            raise ValueError(
                "levels of noise need two points at least, and a schedule whose noise grows with every step"
            )
        grid = np.linspace(gamma[0], gamma[-1], points)
        return cls(grid, np.interp(grid, gamma, np.arange(len(gamma))))

    @property
    def alpha(self) -> Array:
        """(P,) what a latent is multiplied by."""
        return np.exp(-0.5 * np.logaddexp(0.0, self.gamma))

    @property
    def sigma(self) -> Array:
        """(P,) what the noise is multiplied by."""
        return np.exp(-0.5 * np.logaddexp(0.0, -self.gamma))


def squared_errors(latents: torch.Tensor, noises: torch.Tensor, levels: Levels, predict: Predict) -> Array:
    """How far a network is from the noise that was added: (P, N) mean squares over noises and the latent's numbers.

    Args:
        latents: (N, ...).
        noises: (P, K, ...): those of a level are added to every latent in turn.
    """
    found = np.zeros((len(levels.gamma), len(latents)))
    for point, (alpha, sigma) in enumerate(zip(levels.alpha.tolist(), levels.sigma.tolist(), strict=True)):
        for noise in noises[point]:
            missed = predict(alpha * latents + sigma * noise, point) - noise
            found[point] += missed.flatten(1).square().mean(dim=1).cpu().numpy()
    return found / noises.shape[1]


def bits(errors: Array, squares: Array, levels: Levels) -> Array:
    """The bound, (N,) bits a dimension. errors: (P, N), see `squared_errors`; squares: (N,) mean squares of the latents."""
    first, last = levels.gamma[0], levels.gamma[-1]
    signal = math.exp(-np.logaddexp(0.0, last))
    # 1 - sigma^2 is the signal: the two nearly cancel in the sum.
    prior = 0.5 * (signal * (squares - 1) - math.log1p(-signal))
    diffusion = 0.5 * np.trapezoid(errors, levels.gamma, axis=0)
    reconstruction = 0.5 * (math.log(2 * math.pi) + first + errors[0])
    nats: Array = prior + diffusion + reconstruction
    return nats / math.log(2)


def mean_error(errors: Array, levels: Levels) -> Array:
    """The mean (N,) of errors (P, N) over the steps of training, each counting alike, by trapezoids: the plain loss.

    Source: Ho et al. (2020), arXiv 2006.11239, equation 14.
    """
    span = levels.times[-1] - levels.times[0]
    mean: Array = np.trapezoid(errors, levels.times, axis=0) / span
    return mean
