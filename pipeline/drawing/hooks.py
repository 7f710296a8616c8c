"""What a task may do around the steps of the sampling loop."""

import torch

from seedscope.pipeline.models.base import Scheduler


class Hooks:
    """Nothing: a batch is drawn from its noise alone. A task overrides what it needs.

    B pictures, latents of C channels and h x w; `step` counts the scheduler's timesteps from 0.
    """

    gradients = False
    """Whether the loop keeps track of gradients from the latents of a step to the prediction."""

    def begin(self, scheduler: Scheduler) -> None:
        """Make a scheduler ready, once its timesteps are set."""

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        """What the network sees of (B x branches, C, h, w) scaled latents."""
        return latents

    def guide(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor:  # noqa: ARG002
        """The prediction (B, C, h, w) with which the step is made; the given one is that of the guidance.

        With `gradients`, it depends on `latents` (B, C, h, w), which ask for gradients.
        """
        return prediction

    def after_step(self, latents: torch.Tensor, scheduler: Scheduler, step: int) -> torch.Tensor:  # noqa: ARG002
        """The (B, C, h, w) latents with which the next step begins."""
        return latents
