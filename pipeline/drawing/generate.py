"""The generate stage: a unit of prompts x seeds -> a shard of pictures, drawn as a task asks."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from seedscope.pipeline import images
from seedscope.pipeline.drawing.drawing_stage import DrawingStage
from seedscope.pipeline.models.device import gpu_memory_ran_out
from seedscope.pipeline.running.machine import refuse_other_versions
from seedscope.pipeline.study.plan import Cell, Unit, by_sets
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.table import Table

if TYPE_CHECKING:
    from torch import Tensor

    from seedscope.pipeline.drawing.draw import Drawing


@dataclass
class Generate(DrawingStage):
    """Draws the pictures of a unit, batch by batch, in the order of its cells, as the task asks.

    versions: library -> the version with which the last pictures of the run were drawn; others are refused.
    """

    versions: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> "OpenGenerate":
        refuse_other_versions(self.versions)
        # Imported here: torch takes seconds, which a process that only hands out units need not wait for.
        from seedscope.pipeline.drawing.draw import Drawing

        drawing = Drawing(self.study, self.located, self.task)
        return OpenGenerate(self.table, drawing, self.study.compute.batch_size)


@dataclass
class OpenGenerate:
    """The generate stage with its model, which draws at most `batch_size` pictures at once, or what has been seen to fit."""

    table: Table
    drawing: "Drawing"
    batch_size: int

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def run(
        self, unit: Unit, tables: Sequence[Table], smaller: int = 1
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        drawing, model = self.drawing, self.drawing.model
        columns, of_seeds = drawing.begin(unit), drawing.task.of_seeds(unit)
        together = drawing.task.together
        cells, batches = by_sets(unit, together), list[Json]()
        batch = whole_sets(self.batch_size // smaller, together)
        with ThreadPoolExecutor(1) as encoder:
            encoded: list[Future[list[dict[str, object]]]] = []
            at = 0
            while at < len(cells):
                some = cells[at : at + batch]
                try:
                    pixels, finite = drawing.draw(some)
                except Exception as error:
                    if len(some) <= together or not gpu_memory_ran_out(error):
                        raise
                    batch = self.batch_size = whole_sets(len(some) // 2, together)
                    continue
                encoded.append(encoder.submit(_rows, some, pixels, finite, columns))
                batches.append(len(some))
                at += len(some)
            rows = [row for future in encoded for row in future.result()]
        if together > 1:
            of_cell = {(row["prompt_id"], row["seed"]): row for row in rows}
            rows = [of_cell[prompt.id, seed] | of_seeds[seed] for prompt, seed in unit.cells]
        made: dict[str, Json] = {
            "device": model.device,
            "tf32": False,
            "batches": batches,
            **drawing.told(),
            "prompts_cut": [prompt.id for prompt in unit.prompts if model.tokens_cut(prompt.text)],
        }
        yield tables[0], pa.Table.from_pylist(rows, schema=self.table.schema), made


def whole_sets(count: int, together: int) -> int:
    """At most so many pictures, but whole sets, and one at least."""
    return max(together, count // together * together)


def _rows(
    cells: list[Cell], pixels: "Tensor", finite: list[bool], columns: Mapping[str, dict[str, object]]
) -> list[dict[str, object]]:
    return [
        _row(prompt, seed, picture if is_finite else None) | columns.get(prompt.id, {})
        for (prompt, seed), picture, is_finite in zip(cells, pixels.numpy(), finite, strict=True)
    ]


def _row(prompt: Prompt, seed: int, pixels: images.Pixels | None) -> dict[str, object]:
    """The row of a cell. A failed one is a row without a picture: never a hole, never a made-up value."""
    row: dict[str, object] = {"prompt_id": prompt.id, "prompt": prompt.text, "seed": seed}
    if pixels is None:
        return row | {"image": None, "status": "failed", "error": "the model gave values that are not finite"}
    image = {"bytes": images.encode(pixels), "path": f"{prompt.id}-{seed}.webp"}
    return row | {"image": image, "status": "ok", "error": None}
