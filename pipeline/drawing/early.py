"""Pictures after a share of the steps: the clean picture that the last of them predicts, decoded.

Source: the clean latents are those of `guidance/clean.py`; that a fifth of the steps ranks pictures nearly as all do:
"Probe-Select" (2026), arXiv 2603.02829. Deviation: there activations of the network are scored, here the picture is.
"""

import torch

from seedscope.pipeline.drawing.guidance.clean import level_of
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.models.base import Scheduler


class EndEarly(Hooks):
    """Ends after `count` of a study's `of` steps, or with the first one after these that predicts anything of a picture."""

    def __init__(self, count: int, of: int) -> None:
        self._count, self._of = count, of

    def begin(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def ends(self, prediction: torch.Tensor, latents: torch.Tensor, step: int) -> torch.Tensor | None:
        timesteps = self._scheduler.timesteps
        # Schedulers of a higher order have more timesteps than the study has steps.
        if step + 1 < round(self._count * len(timesteps) / self._of):
            return None
        level = level_of(self._scheduler, timesteps[step], step)
        if level is None:
            return None
        return level.clean(prediction, self._scheduler.scale_model_input(latents, timesteps[step]))
