"""Similarity guidance: each step goes a little towards where the predicted clean picture is more like something given.

`eps - strength * rms(correction) * g / rms(g)` takes the place of the predicted noise eps: g is the gradient of the likeness
of the clean picture that eps stands for, and the correction is what classifier-free guidance has changed, eps minus the
prediction of the base branch (empty or negative prompt). So strength is a share: it means the same for every likeness,
model and resolution. Without classifier-free guidance the correction is eps itself. Each picture has its own rms.

Source: Yu et al. 2023, FreeDoM (arXiv 2303.09833), section 4, and its code: rho = 0.2 s rms(eps_c - eps_u) / rms(g) for the
guidance scale s, of 100 steps those from 30 to 69; Dhariwal & Nichol 2021 (arXiv 2105.05233), algorithm 2, for eps - ... g.
Deviation: the noise is changed, and not the latents after the step, so that a step's size does not depend on the scheduler; no
steps are made again ("time travel"); `through: decoder` holds eps, as Corso et al. 2023 (arXiv 2310.13102) do: g is then the
gradient by the clean latents.
"""

from collections.abc import Mapping, Sequence

import torch

from seedscope.pipeline.drawing.guidance.branches import Branch
from seedscope.pipeline.drawing.guidance.clean import Level, level_of, refuse_no_clean_picture
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.models.base import Denoiser, Scheduler
from seedscope.pipeline.networks.likeness import Measure, likeness_of
from seedscope.pipeline.study.plan import Cell
from seedscope.pipeline.study.similarity import Similarity

SCALED = 2.0**12
"""What likenesses are multiplied by, and so gradients, which in half precision would vanish; their length does not count."""


class SimilarityGuide:
    """The guidance of a study, its networks loaded.

    Raises:
        ModelError: the scheduler's predictions stand for no clean picture that is known.
        FeatureError: a file or a network is missing or wrong.
    """

    def __init__(self, model: Denoiser, similarity: Similarity) -> None:
        refuse_no_clean_picture(model.scheduler)
        model.freeze()
        self._model, self._similarity = model, similarity
        self._measure_of = likeness_of(similarity).load(model.device)

    def hooks(self, cells: Sequence[Cell]) -> Hooks:
        """What is done around the steps of a batch."""
        return Towards(self._model, self._similarity, [self._measure_of(prompt.text) for prompt, _ in cells])


class Towards(Hooks):
    """A batch of B pictures on the way to where a measure is higher, that of each picture."""

    def __init__(self, model: Denoiser, similarity: Similarity, measures: Sequence[Measure]) -> None:
        self._model, self._similarity, self._measures = model, similarity, measures

    def begin(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def _acts(self, step: int) -> bool:
        return self._similarity.acts(step, len(self._scheduler.timesteps))

    def gradients_at(self, step: int) -> bool:
        return self._similarity.through == "network" and self._acts(step)

    def predicted(self, predictions: Mapping[Branch, torch.Tensor], step: int) -> None:  # noqa: ARG002
        base, *others = (prediction.detach() for prediction in predictions.values())
        self._base = base if others else None

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:
        timestep = self._scheduler.timesteps[step]
        if not self._acts(step) or (level := level_of(self._scheduler, timestep, step)) is None:
            return prediction
        seen = self._scheduler.scale_model_input(latents, timestep)
        clean = level.clean(prediction, seen)
        gradient = self._gradient(clean.detach())
        if self._similarity.through == "network":
            (gradient,) = torch.autograd.grad(clean, latents, gradient)
        size = self._similarity.strength * rms(self._correction(level, prediction.detach(), seen.detach()))
        return level.moved(prediction.detach(), -size * gradient / rms(gradient).clamp(min=torch.finfo().tiny))

    def _gradient(self, clean: torch.Tensor) -> torch.Tensor:
        """That of the likeness by clean latents, (B, C, h, w).

        Picture by picture: what a decoder keeps of one is gigabytes, and no picture's depends on those beside it.
        """
        gradients: list[torch.Tensor] = []
        with torch.enable_grad():
            for latent, measure in zip(torch.split(clean, 1), self._measures, strict=True):
                latent = latent.clone().requires_grad_()
                pictures = (self._model.decode(latent) * 0.5 + 0.5) * 255
                gradients += torch.autograd.grad(SCALED * measure(pictures).sum(), latent)
        return torch.cat(gradients)

    def _correction(self, level: Level, prediction: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """In terms of noise, what classifier-free guidance has changed, or the whole of it where there is none."""
        noise = level.eps(prediction, seen)
        return noise if self._base is None else noise - level.eps(self._base, seen)


def rms(values: torch.Tensor) -> torch.Tensor:
    """The root mean square of each picture's values: (B, 1, 1, 1) of (B, C, h, w)."""
    squares: torch.Tensor = values.pow(2).mean(dim=(1, 2, 3), keepdim=True)
    return squares.sqrt()
