"""Particle Guidance: pictures of one prompt that are drawn together and push each other apart."""

from __future__ import annotations

import math

import torch

from seedscope.pipeline.drawing.guidance.clean import Level, level_of
from seedscope.pipeline.drawing.guidance.similarity import SCALED
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.drawing.tasks.picture_encoders import Embed
from seedscope.pipeline.models.base import Denoiser, Scheduler

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
        self._seen, self._order = torch.empty(0), 1
        self.pull: torch.Tensor | None = None
        """c of each set, (S, 1, 1), once a step has been pushed."""

    def begin(self, scheduler: Scheduler) -> None:
        self._scheduler, self._order = scheduler, scheduler.order

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        self._seen = latents[: math.prod(self._shape)].detach()
        return latents

    def acts(self, step: int, sigma: float) -> bool:
        """Whether pictures are pushed at a step."""
        if not self._strength:
            return False
        if self._window is not None:
            return step // self._order in self._window  # a solver of higher order has more timesteps than steps
        return sigma >= LATENT_UNTIL if self._embed is None else sigma > FEATURES_UNTIL

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:  # noqa: ARG002
        level = level_of(self._scheduler, self._scheduler.timesteps[step], step)
        if level is None or not self.acts(step, level.noise / level.signal):
            return prediction
        noise = level.eps(prediction.detach(), self._seen)
        push = self._of_latents(level) if self._embed is None else self._of_features(noise, level)
        if self.pull is None:
            self.pull = torch.nan_to_num(self._strength * _rms(noise, self._shape) / _rms(push, self._shape), 0, 0, 0)
        scaled = (self.pull * push.view(*self._shape, -1)).view_as(push)
        return level.moved(prediction, -scaled)

    def _of_latents(self, level: Level) -> torch.Tensor:
        points = self._seen.reshape(*self._shape, -1)
        return level.noise / level.signal * repulsion(points, bandwidths(points)).view_as(self._seen)

    def _of_features(self, noise: torch.Tensor, level: Level) -> torch.Tensor:
        """Picture by picture: decoding with gradients takes memory. Features are taken once more, without, for the push."""
        if self._embed is None:
            raise TypeError("there are no features without a network")

        def features(seen: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
            return embed(self._model.decode((seen - level.noise * held) / level.signal))

        embed, parts = self._embed, list(zip(torch.split(self._seen, 1), torch.split(noise, 1), strict=True))
        with torch.no_grad():
            points = torch.cat([features(*part) for part in parts]).view(*self._shape, -1)
            pushes = repulsion(points, bandwidths(points)).flatten(0, 1)
        found = []
        for (seen, held), push in zip(parts, pushes, strict=True):
            with torch.enable_grad():
                tracked = seen.clone().requires_grad_()
                pushed = (features(tracked, held)[0] * push).sum()
                found.append(torch.autograd.grad(SCALED * pushed, tracked)[0] / SCALED)
        return torch.cat(found).to(noise.dtype)


def _rms(values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """(S, 1, 1) of the numbers of each set."""
    return values.reshape(shape[0], 1, -1).square().mean(-1, keepdim=True).sqrt()
