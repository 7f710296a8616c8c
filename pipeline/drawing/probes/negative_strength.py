"""How strongly a model attends to a negative prompt at each step, beside the word of the prompt that it is about.

The pictures of pairs are drawn with the negative prompt from the first step on, and nothing of them is kept but, of each
timestep, the two sums of norms whose ratio is r_t (`attention_norms.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from seedscope.pipeline.drawing.drawing_stage import DrawingStage
from seedscope.pipeline.drawing.probes.word_places import word_places
from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.drawing.tasks.negatives import Negatives
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.cut_prompts import tokenizer_of
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion, told
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.tokens import CLIP_READS
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Guidance, Json, Sampling, Study, fingerprint
from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.drawing.draw import Drawing
    from seedscope.pipeline.drawing.guidance import Branch
    from seedscope.pipeline.drawing.hooks import Hooks
    from seedscope.pipeline.drawing.probes.attention_norms import AttentionNorms, Recorders
    from seedscope.pipeline.models.base import Drawer

VERSION = 1
BRANCHES: tuple[Branch, ...] = ("negative", "positive")
Norms = Mapping[str, Sequence[float | None]]
"""Branch -> a number for each timestep."""
STRENGTH_SCHEMA = pa.schema(
    [
        *CELL_FIELDS,
        column(
            "negative",
            pa.list_(pa.float32()),
            "At each timestep: norm of the attention to the negative prompt, over all layers.",
        ),
        column(
            "positive", pa.list_(pa.float32()), "At each timestep: norm of the attention to the word, over all layers."
        ),
        *STATUS_FIELDS,
    ]
)
"""Of each picture, for each timestep, the sum over layers of the norm of the negative prompt's columns, and of the word's."""


def strength_table(folder: Storage, cause: Json) -> Table:
    """Where the norms of a run lie, in its folder; `cause` is that of its pictures."""
    return Table.of(folder, "attention", fingerprint({"attention": VERSION, "pictures": cause}), STRENGTH_SCHEMA)


def refuse_unreadable(located: Located, sampling: Sampling, task: Negatives) -> None:
    """Refuse what has no cross-attention that can be recorded, before a model is loaded.

    Raises:
        ModelError: another family than Stable Diffusion's, a model that is told the scale, texts that are read in chunks or
            with weights, a word that the tokenizer does not hold.
    """
    if not isinstance(located.family, StableDiffusion):
        raise ModelError(
            f"model: a {located.pipeline} attends to text and picture together, or is called whole: what it attends to at a "
            "step cannot be read. Name a model with a UNet, such as Stable Diffusion 1.5, 2 or XL."
        )
    if told(located.configs):
        raise ModelError(
            f"model: {located.name} is told the guidance scale and has learned to guide itself, which leaves no place for a "
            "negative prompt. Name another model."
        )
    if sampling.long_prompts != "cut" or sampling.weighted_prompts:
        raise ModelError(
            "sampling: words are found in texts that are read at once and without weights. Remove long_prompts and "
            "weighted_prompts."
        )
    if (tokenizer := tokenizer_of(located)) is not None:
        for prompt in task.prompts():
            _places(tokenizer, prompt, task, sampling.guidance)


def _places(tokenizer: Any, prompt: Prompt, task: Negatives, guidance: Guidance) -> dict[Branch, list[int]]:
    """Branch -> the places of its words in its text: of the negative prompt, all of the pair's."""
    longest, given = min(CLIP_READS, int(tokenizer.model_max_length)), task.given[prompt.id]
    text = task.guided(prompt, guidance).negative_prompt
    return {
        "negative": word_places(tokenizer, text, given.negative, longest),
        "positive": word_places(tokenizer, prompt.text, given.pair.word, longest),
    }


@dataclass
class NegativeStrength(DrawingStage):
    """Draws the pictures of a unit, and keeps what the network attended to."""

    task: Negatives

    def open(self) -> OpenStrength:
        from seedscope.pipeline.drawing.draw import Drawing

        compute = self.study.compute.model_copy(update={"compile": False})  # compiled layers keep their processors
        study = self.study.model_copy(update={"compute": compute})
        recording = Recording(self.task, study.sampling)
        return OpenStrength(self.table, Drawing(study, self.located, recording), recording, compute.batch_size)


@dataclass
class OpenStrength:
    """The stage with its model."""

    table: Table
    drawing: Drawing
    recording: Recording
    batch_size: int

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def run(
        self, unit: Unit, tables: Sequence[Table], smaller: int = 1
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        self.drawing.begin(unit)
        cells, batch = list(unit.cells), max(1, self.batch_size // smaller)
        rows: list[dict[str, object]] = []
        for start in range(0, len(cells), batch):
            some = cells[start : start + batch]
            _, finite = self.drawing.draw(some)
            norms = self.recording.taken()
            rows += [_row(cell, norms[cell], whole) for cell, whole in zip(some, finite, strict=True)]
        made: dict[str, Json] = {"device": self.drawing.model.device, **self.drawing.told()}
        yield tables[0], pa.Table.from_pylist(rows, schema=self.table.schema), made


def _row(cell: Cell, norms: Norms, whole: bool) -> dict[str, object]:
    key: dict[str, object] = {"prompt_id": cell[0].id, "seed": cell[1]}
    if not whole:
        return key | {"status": "failed", "error": "the model gave values that are not finite"}
    return key | {**norms, "status": "ok", "error": None}


class Recording(Task):
    """The task of pairs, recording what the network attends to: `sampling` is that of the study."""

    def __init__(self, pairs: Negatives, sampling: Sampling) -> None:
        self._pairs, self._sampling = pairs, sampling
        self._recorders: Recorders | None = None
        self._tokenizer: Any = None
        self._batches: list[tuple[Sequence[Cell], AttentionNorms]] = []

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:
        return cls(Negatives.of(study, located), study.sampling)

    def prompts(self) -> list[Prompt]:
        return self._pairs.prompts()

    def guided(self, prompt: Prompt, guidance: Guidance) -> Guidance:
        return self._pairs.guided(prompt, guidance)

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> Begun:  # noqa: ARG002
        if self._recorders is None:
            from seedscope.pipeline.drawing.probes.attention_norms import Recorders
            from seedscope.pipeline.models.unet_denoiser import UNetDenoiser

            if not isinstance(model, UNetDenoiser):
                raise TypeError(f"{type(model).__name__} has no UNet")
            parts = model.pipe.components
            self._tokenizer = parts[model.family.reads(parts)[0]]
            self._recorders = Recorders(model.pipe.unet)
        return _Listening(hooks_of=self._hooks)

    def taken(self) -> dict[Cell, Norms]:
        """What was recorded since this was asked for last: cell -> branch -> a number a timestep, None where it did not run."""
        found: dict[Cell, Norms] = {}
        for cells, norms in self._batches:
            by_branch = {branch: [each.tolist() for each in steps] for branch, steps in norms.found.items()}
            for place, cell in enumerate(cells):
                found[cell] = {
                    branch: [None if step[place] != step[place] else step[place] for step in steps]
                    for branch, steps in by_branch.items()
                }
        self._batches.clear()
        return found

    def _hooks(self, cells: Sequence[Cell]) -> AttentionNorms:
        from seedscope.pipeline.drawing.probes.attention_norms import AttentionNorms

        if self._recorders is None:
            raise RuntimeError("nothing records yet")
        places = [_places(self._tokenizer, prompt, self._pairs, self._sampling.guidance) for prompt, _ in cells]
        words = {branch: [of_cell[branch] for of_cell in places] for branch in BRANCHES}
        norms = AttentionNorms(words, self._sampling)
        self._recorders.told = norms
        self._batches.append((cells, norms))
        return norms


@dataclass(kw_only=True)
class _Listening(Begun):
    """hooks_of: the hooks of a batch that record."""

    hooks_of: Callable[[Sequence[Cell]], Hooks]

    def hooks(self, cells: Sequence[Cell], generators: list[torch.Generator], noise: torch.Tensor) -> Hooks:  # noqa: ARG002
        return self.hooks_of(cells)
