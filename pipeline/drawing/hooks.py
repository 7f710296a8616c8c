"""What a task, or a kind of guidance, may do around the steps of the sampling loop."""

from collections.abc import Mapping, Sequence

import torch

from seedscope.pipeline.drawing.guidance.branches import Branch
from seedscope.pipeline.models.base import Scheduler


class Hooks:
    """Nothing: a batch is drawn from its noise alone. A task overrides what it needs.

    B pictures, latents of C channels and h x w; `step` counts the scheduler's timesteps from 0.
    """

    gradients = False
    """Whether the loop keeps track of gradients from the latents of a step to the prediction."""

    def gradients_at(self, step: int) -> bool:  # noqa: ARG002
        """Whether it does so at this step; here: at all or none."""
        return self.gradients

    def begin(self, scheduler: Scheduler) -> None:
        """Make a scheduler ready, once its timesteps are set."""

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        """What the network sees of (B x branches, C, h, w) scaled latents."""
        return latents

    def predicted(self, predictions: Mapping[Branch, torch.Tensor], step: int) -> None:
        """Look at what each branch of the guidance predicts, (B, C, h, w); the base of their sum comes first."""

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:  # noqa: ARG002
        """The prediction (B, C, h, w) with which the step is made; the given one is that of the guidance.

        With `gradients`, it depends on `latents` (B, C, h, w), which ask for gradients.
        """
        return prediction

    def ends(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor | None:  # noqa: ARG002
        """The (B, C, h, w) latents to decode, where the loop ends before this step; None where it goes on.

        prediction, latents: those with which the step would be made.
        """
        return None

    def after_step(self, latents: torch.Tensor, scheduler: Scheduler, step: int) -> torch.Tensor:  # noqa: ARG002
        """The (B, C, h, w) latents with which the next step begins."""
        return latents


class Together(Hooks):
    """Several hooks, one after another: each sees what those before it have made."""

    def __init__(self, hooks: Sequence[Hooks]) -> None:
        self._hooks = hooks

    def gradients_at(self, step: int) -> bool:
        return any(each.gradients_at(step) for each in self._hooks)

    def begin(self, scheduler: Scheduler) -> None:
        for each in self._hooks:
            each.begin(scheduler)

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        for each in self._hooks:
            latents = each.model_input(latents)
        return latents

    def predicted(self, predictions: Mapping[Branch, torch.Tensor], step: int) -> None:
        for each in self._hooks:
            each.predicted(predictions, step)

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:
        for each in self._hooks:
            prediction = each.guide(prediction, latents, step)
        return prediction

    def ends(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor | None:
        found = (each.ends(prediction, latents, step) for each in self._hooks)
        return next((ended for ended in found if ended is not None), None)

    def after_step(self, latents: torch.Tensor, scheduler: Scheduler, step: int) -> torch.Tensor:
        for each in self._hooks:
            latents = each.after_step(latents, scheduler, step)
        return latents
