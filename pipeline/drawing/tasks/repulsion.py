"""Particle Guidance: pictures of one prompt that are drawn together and push each other apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.drawing.tasks.picture_encoders import Embed
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Denoiser, Scheduler

SCALED = 2.0**12
"""What gradients are multiplied by on their way, which would vanish in a decoder of half precision."""
LATENT_UNTIL, FEATURES_UNTIL = 1.0, 3.0
"""Sigmas down to which the kernels of latents and of features act, as published."""


def bandwidths(points: torch.Tensor) -> torch.Tensor:
    """h (S, n, 1) of S sets of n points (S, n, D): the squared median distance to the others over ln(n - 1), n > 2.

    Of an even number of distances torch's median is the lower of the two in the middle.
    """
    apart = _apart(points)
    count = apart.shape[-1]
    others = apart[:, ~torch.eye(count, dtype=torch.bool, device=points.device)].view(-1, count, count - 1)
    middle = others.median(dim=-1, keepdim=True).values
    return (middle**2 / math.log(count - 1)).clamp_min(torch.finfo(points.dtype).tiny)


def repulsion(points: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """(S, n, D): the sum over the others j of (2 / h_i) k_ij (x_i - x_j), with k_ij = exp(-d_ij^2 / h_i).

    With one h for all it is the gradient of -1/2 the sum of all k_ij, h held.

    Args:
        points: (S, n, D), S sets of n. h: (S, n, 1), or of a shape that stands for it.
    """
    kernel = torch.exp(-(_apart(points) ** 2) / h)
    # The diagonal needs no removing: its differences are 0.
    return 2 / h * (points * kernel.sum(-1, keepdim=True) - kernel @ points)


def _apart(points: torch.Tensor) -> torch.Tensor:
    """Distances (S, n, n)."""
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


class Repulsion(Hooks):
    """Sets of `count` pictures that follow one another in a batch, each of one prompt.

    The guided noise prediction of a picture loses c g, where g is `repulsion` of the set's latents times sigma, or, with
    `embed`, the gradient of <f(x0), g of the features> through the autoencoder, x0 with the noise prediction held. c of a
    set is such that, at the first step that acts, rms(c g) is `strength` times the rms of the noise prediction.

    Source: Corso, Xu, De Bortoli, Barzilay, Jaakkola (2024), "Particle Guidance", arXiv 2310.13102, and its repository,
    `pipeline_stable_diffusion_particle.py`.
    Deviation: c is given by its effect, not as a number (30 for SD's latents is about 0.03); the last step, which the
    repository leaves out, is made; features are of any network; latents are as a DDIM has them, whatever the scheduler.
    """

    def __init__(
        self, model: Denoiser, sets: int, count: int, strength: float, window: range | None, embed: Embed | None
    ) -> None:
        self._model, self._shape = model, (sets, count)
        self._strength, self._window, self._embed = strength, window, embed
        self._sigmas: Sequence[float] = ()
        self._seen = torch.empty(0)
        self.pull: torch.Tensor | None = None

    def begin(self, scheduler: Scheduler) -> None:
        self._sigmas = sigmas(scheduler)
        kind = getattr(getattr(scheduler, "config", None), "prediction_type", "epsilon")
        if kind not in _TO_NOISE:
            raise ModelError(f"task.particles: a model that predicts {kind!r} is not known here. Choose another model.")
        self._to_noise, self._shift = _TO_NOISE[kind], _SHIFT[kind]

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        self._seen = latents[: math.prod(self._shape)].detach()
        return latents

    def acts(self, step: int) -> bool:
        """Whether pictures are pushed at a step."""
        if not self._strength:
            return False
        if self._window is not None:
            return step in self._window
        return self._sigmas[step] >= LATENT_UNTIL if self._embed is None else self._sigmas[step] > FEATURES_UNTIL

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:  # noqa: ARG002
        if not self.acts(step):
            return prediction
        sigma = self._sigmas[step]
        signal = 1 / math.sqrt(1 + sigma**2)
        noise = self._to_noise(prediction, self._seen, signal, sigma * signal)
        push = self._of_latents(sigma) if self._embed is None else self._of_features(noise, signal, sigma * signal)
        if self.pull is None:
            self.pull = torch.nan_to_num(self._strength * _rms(noise, self._shape) / _rms(push, self._shape), 0, 0, 0)
        scaled = (self.pull * push.view(*self._shape, -1)).view_as(push)
        return prediction - self._shift(signal, sigma) * scaled

    def _of_latents(self, sigma: float) -> torch.Tensor:
        points = self._seen.reshape(*self._shape, -1)
        return sigma * repulsion(points, bandwidths(points)).view_as(self._seen)

    def _of_features(self, noise: torch.Tensor, signal: float, spread: float) -> torch.Tensor:
        """Set by set: decoding with gradients takes memory."""
        if self._embed is None:
            raise TypeError("there are no features without a network")
        found = []
        for some, held in zip(self._seen.chunk(self._shape[0]), noise.chunk(self._shape[0]), strict=True):
            with torch.enable_grad():
                seen = some.clone().requires_grad_()
                features = self._embed(self._model.decode((seen - spread * held) / signal))
                points = features.detach()[None]
                pushed = (features * repulsion(points, bandwidths(points))[0]).sum()
                found.append(torch.autograd.grad(SCALED * pushed, seen)[0] / SCALED)
        return torch.cat(found).to(noise.dtype)


def sigmas(scheduler: Scheduler) -> list[float]:
    """sqrt((1 - a) / a) of each step, a the share of signal in the latents' variance; between times, log-linear.

    Raises:
        ModelError: the scheduler does not know it, or begins with noise alone.
    """
    shares: Any = getattr(scheduler, "alphas_cumprod", None)
    if shares is None:
        raise ModelError(
            f"task.particles: a {type(scheduler).__name__} has no schedule of noise that is known. Name one such as ddim."
        )
    shares = shares.double().cpu()
    known = 0.5 * torch.log((1 - shares) / shares)
    times = scheduler.timesteps.double().cpu().clamp(0, len(known) - 1)
    below, above = known[times.floor().long()], known[times.ceil().long()]
    found: list[float] = torch.exp(below + (times - times.floor()) * (above - below)).tolist()
    if not all(math.isfinite(sigma) for sigma in found):
        raise ModelError(
            f"task.particles: this {type(scheduler).__name__} begins with noise alone, where nothing is known of a picture "
            "yet. Set rescale_betas_zero_snr to false, or name another scheduler."
        )
    return found


_TO_NOISE: dict[str, Callable[[torch.Tensor, torch.Tensor, float, float], torch.Tensor]] = {
    "epsilon": lambda predicted, seen, signal, spread: predicted,  # noqa: ARG005
    "v_prediction": lambda predicted, seen, signal, spread: signal * predicted + spread * seen,
    "sample": lambda predicted, seen, signal, spread: (seen - signal * predicted) / spread,
}
"""The noise of what is predicted, where latents are signal x0 + spread noise."""
_SHIFT: dict[str, Callable[[float, float], float]] = {
    "epsilon": lambda signal, sigma: 1.0,  # noqa: ARG005
    "v_prediction": lambda signal, sigma: 1 / signal,  # noqa: ARG005
    "sample": lambda signal, sigma: -sigma,  # noqa: ARG005
}
"""What a prediction changes by where the noise in it changes by 1, the latents held."""


def _rms(values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """(S, 1, 1) of the numbers of each set."""
    return values.reshape(shape[0], 1, -1).square().mean(-1, keepdim=True).sqrt()
