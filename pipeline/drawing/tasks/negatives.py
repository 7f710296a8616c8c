"""Pictures of pairs: each prompt with the negative prompt of its pair, and with an unrelated one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Self

import pyarrow as pa

from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.models.base import Drawer
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.negative_pairs import NegativePair, read_pairs
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import FileSource, Guidance, Study
from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

NEGATIVE = "{negative}"
"""What a study writes in its negative prompt for that of each pair."""
UNWANTED = "unwanted"
"""The fact of a prompt that says what is not wanted in its pictures: the negative prompt of its pair, also where the null is
given."""
NEGATIVES_SCHEMA = pa.schema(
    [
        *IMAGE_SCHEMA,
        column("negative", pa.string(), "The negative prompt."),
        column(UNWANTED, pa.string(), "What the pair does not want, which is looked for in the picture."),
        column("word", pa.string(), "The word of the prompt that attention is measured beside."),
    ]
)


@dataclass(frozen=True, slots=True)
class Given:
    """What a prompt of the task is drawn with: `negative` is the negative prompt, that of the pair or its null."""

    pair: NegativePair
    negative: str

    @property
    def is_null(self) -> bool:
        """Whether the negative prompt is the unrelated one."""
        return self.negative != self.pair.negative


@dataclass(frozen=True)
class Negatives(Task):
    """Every pair of a file twice: with its negative prompt, and with its null."""

    cells: Sequence[tuple[Prompt, Given]] = field(repr=False)
    schema: ClassVar[pa.Schema] = NEGATIVES_SCHEMA

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:  # noqa: ARG003
        options = dict(study.task.options if study.task else {})
        null_word = options.pop("null_word", None)
        if options:
            raise StudyError(f"task.negatives.{next(iter(options))}: unknown key; known is null_word.")
        if NEGATIVE not in study.sampling.guidance.negative_prompt:
            raise StudyError(
                f"sampling.guidance.negative_prompt: write {NEGATIVE!r}, which stands for the negative prompt of each pair."
            )
        files = [source.file for source in study.prompts if isinstance(source, FileSource)]
        if len(files) != 1 or study.prompts != [FileSource.model_validate({"file": files[0]})]:
            raise StudyError(
                "prompts: the task `negatives` reads all pairs of one file, whose columns have names of their own; write "
                "`prompts: [{file: FILE}]` and no further key."
            )
        pairs = read_pairs(files[0], None if null_word is None else str(null_word))
        return cls(tuple(cell for pair in pairs for cell in _cells(pair)))

    def prompts(self) -> list[Prompt]:
        """Pair by pair its prompt with the negative prompt, then with the null."""
        return [prompt for prompt, _ in self.cells]

    @cached_property
    def given(self) -> Mapping[str, Given]:
        """Id of each prompt of the task -> what it is drawn with."""
        return {prompt.id: given for prompt, given in self.cells}

    def guided(self, prompt: Prompt, guidance: Guidance) -> Guidance:
        negative = guidance.negative_prompt.replace(NEGATIVE, self.given[prompt.id].negative)
        return guidance.model_copy(update={"negative_prompt": negative})

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> Begun:  # noqa: ARG002
        return Begun(columns={prompt.id: _columns(self.given[prompt.id]) for prompt in prompts})


def _columns(given: Given) -> dict[str, object]:
    return {"negative": given.negative, UNWANTED: given.pair.negative, "word": given.pair.word}


def _cells(pair: NegativePair) -> list[tuple[Prompt, Given]]:
    found = []
    for negative in (pair.negative, pair.null):
        said = "\0".join(("negative", pair.prompt, pair.word, pair.negative, negative))
        name = hashlib.sha256(said.encode()).hexdigest()[:16]
        found.append((Prompt(name, pair.prompt, pair.group, {UNWANTED: pair.negative}), Given(pair, negative)))
    return found
