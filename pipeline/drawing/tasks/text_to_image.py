"""Pictures from prompts alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from seedscope.pipeline.drawing.tasks.base import Task
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.prompts import Prompt, read_prompts
from seedscope.pipeline.study.schema import FileSource, GridSource, Study


@dataclass(frozen=True)
class TextToImage(Task):
    """The prompts of a study, each drawn from its noise."""

    sources: Sequence[str | GridSource | FileSource]
    stock_call: ClassVar[bool] = True

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:  # noqa: ARG003
        return cls(study.prompts)

    def prompts(self) -> list[Prompt]:
        """As the study names them.

        Raises:
            StudyError: a file that is missing, empty or lacks the column; an empty prompt; a prompt that stands twice.
        """
        return read_prompts(list(self.sources))
