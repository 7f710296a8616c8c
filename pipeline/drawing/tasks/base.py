"""What is drawn from a study, and how: the conditions of a task, its columns, its hooks, and what it is measured beside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import pyarrow as pa

from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Guidance, Json, Study
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.drawing.hooks import Hooks
    from seedscope.pipeline.models.base import Drawer


class Control(Protocol):
    """Pictures that those of a task are compared with, such as the given ones before a part was drawn anew."""

    @property
    def name(self) -> str:
        """Names their tables of measurements: `before` in `before-text-1a2b3c4d`."""
        ...

    def units(self) -> list[Unit]:
        """One cell a picture, in order."""
        ...

    def read(self, unit: Unit) -> pa.Table:
        """The pictures of a unit, in the schema of the task's image shards."""
        ...

    def mark(self, unit: Unit) -> str:
        """What the pictures of a unit are at this moment: measurements of others are out of date."""
        ...

    def fingerprint(self) -> str:
        """sha256 (hex) over all that `read` gives."""
        ...

    def kind(self, prompt_id: str) -> str:
        """What was asked for by a prompt, in a word: rates and sheets keep the kinds apart."""
        ...


@dataclass(kw_only=True)
class Begun:
    """A task with what it has prepared for the cells of a unit.

    Attributes:
        columns: what the rows of each prompt say beside its text, by the prompt's id, in the columns of the task's schema.
    """

    columns: Mapping[str, dict[str, object]] = field(default_factory=dict)

    def told(self) -> dict[str, Json]:
        """What the unit's receipt says of the pictures drawn so far."""
        return {}

    def hooks(
        self,
        cells: Sequence[Cell],  # noqa: ARG002  (for tasks that look at them)
        generators: list[torch.Generator],  # noqa: ARG002
        noise: torch.Tensor,  # noqa: ARG002
    ) -> Hooks:
        """What is done around the steps of a batch.

        Args:
            cells: B of the unit.
            generators: theirs, in the state after the initial latent; what is put in their place is drawn from.
            noise: (B, C, h, w) float32, their initial latents, unscaled.
        """
        from seedscope.pipeline.drawing.hooks import Hooks

        return Hooks()


class Task(ABC):
    """What is drawn from a study. Cheap to pickle: it goes to the workers. One task is one file."""

    fills_masks: ClassVar[bool] = False
    """Whether the model is to fill masks in pictures, not to draw from text alone."""
    schema: ClassVar[pa.Schema] = IMAGE_SCHEMA
    """Of the image shards."""
    stock_call: ClassVar[bool] = False
    """Whether a call of a stock pipeline of diffusers with a prompt and a seed draws the same picture."""

    @classmethod
    @abstractmethod
    def of(cls, study: Study, located: Located) -> Self:
        """The task of a study.

        Raises:
            UserError: what the study says of it cannot be done.
        """

    @classmethod
    def pinned(cls, study: Study) -> Study:
        """The study, with what the task takes from a branch of the hub named by the commit that this is now."""
        return study

    @classmethod
    def cause(cls, study: Study) -> dict[str, Json]:  # noqa: ARG003
        """What the task adds to the cause of the pictures, beside its name and options and the ids of its prompts."""
        return {}

    @property
    def through_decoder(self) -> bool:
        """Whether gradients are taken through the decoder, a picture at a time, which keep more memory than drawing takes."""
        return False

    @property
    def together(self) -> int:
        """How many seeds of a prompt are drawn as one: none of these pictures is drawn without the others."""
        return 1

    def of_seeds(self, unit: Unit) -> Mapping[int, dict[str, object]]:  # noqa: ARG002
        """What rows of a unit say of their seed, in the columns of the task's schema."""
        return {}

    @abstractmethod
    def prompts(self) -> list[Prompt]:
        """All prompts, in order."""

    @property
    def control(self) -> Control | None:
        """The pictures to measure beside those drawn."""
        return None

    def guided(self, prompt: Prompt, guidance: Guidance) -> Guidance:  # noqa: ARG002
        """The guidance that says the negative prompt of a prompt: that of the study, or one with a negative prompt of its own.

        Which branches run at which step is the study's for all prompts.
        """
        return guidance

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> Begun:  # noqa: ARG002
        """Prepare for cells of these prompts, on a worker."""
        return Begun()
