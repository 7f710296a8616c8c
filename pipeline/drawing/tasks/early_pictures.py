"""The early pictures of a study: those of its prompts after a share of the steps. No study asks for this task; sweeps do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.errors import ModelError, StudyError
from seedscope.pipeline.models.base import Drawer
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.plan import Cell
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Study
from seedscope.pipeline.study.sweep import Sweep

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.drawing.hooks import Hooks

KEY = "seeds.early"


@dataclass(frozen=True)
class EarlyPictures(Task):
    """Pictures of prompts alone after `count` of `steps` steps."""

    named: Sequence[Prompt]
    count: int
    steps: int

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:
        """Of a study whose sweep asks for them; its prompts are told by its own task.

        Raises:
            StudyError: what is drawn has no steps to leave out, or is not drawn step by step.
        """
        early = study.seeds.early if isinstance(study.seeds, Sweep) else None
        if early is None:
            raise ValueError("the study asks for no early pictures")
        steps = study.sampling.steps
        if isinstance(located.family, StockFamily):
            raise StudyError(
                f"{KEY}: {located.name} is drawn by one call of its pipeline, which does not end early. Leave `early` out; "
                "`seedscope models --families` names those that are drawn in the own loop."
            )
        if study.task is not None or study.inpaint is not None:
            raise StudyError(
                f"{KEY}: is for pictures of prompts alone, and the study draws something else. Leave it out."
            )
        if (count := early.of(steps)) >= steps:
            raise StudyError(
                f"{KEY}: {early.steps:g} of {steps} step(s) are all of them, so that nothing is saved. Leave it out, or take "
                "a smaller share of more steps."
            )
        return cls((), count, steps)

    @property
    def cost(self) -> float:
        """Of a picture, in those of finished ones: its share of the steps. Texts, decoding and measuring are not counted."""
        return self.count / self.steps

    def prompts(self) -> list[Prompt]:
        return [*self.named]

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> EarlyBegun:  # noqa: ARG002
        """Raises ModelError where the scheduler's predictions stand for no clean picture that is known."""
        from seedscope.pipeline.drawing.guidance.clean import refuse_no_clean_picture
        from seedscope.pipeline.models.base import Denoiser

        if not isinstance(model, Denoiser):
            raise ModelError(f"{KEY}: this model is not drawn step by step. Leave `early` out.")
        refuse_no_clean_picture(model.scheduler, KEY)
        return EarlyBegun(count=self.count, steps=self.steps)


@dataclass(kw_only=True)
class EarlyBegun(Begun):
    """count: steps that are made, of `steps`."""

    count: int
    steps: int

    def hooks(self, cells: Sequence[Cell], generators: list[torch.Generator], noise: torch.Tensor) -> Hooks:  # noqa: ARG002
        from seedscope.pipeline.drawing.early import EndEarly

        return EndEarly(self.count, self.steps)
