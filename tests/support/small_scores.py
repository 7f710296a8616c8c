"""Tables of one number a cell, as a feature leaves them."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

PROMPTS = tuple(prompt(f"prompt {i}") for i in range(7))
SEEDS = (5, 3, 8, 1)
UNITS = plan([Edition(PROMPTS, SEEDS)], UnitShape(prompts=4, seeds=3))
"""Blocks of 4 x 3, 4 x 1, 3 x 3 and 3 x 1 cells."""


def scores(where: Storage | Path, kind: pa.DataType | None = None) -> Table:
    """An empty table with the column `score`, of float32 or of `kind`."""
    return Table.of(
        where, "scores", "0" * 8, pa.schema([*CELL_FIELDS, *STATUS_FIELDS, ("score", kind or pa.float32())])
    )


def publish(table: Table, unit: Unit, values: Sequence[float | None], failed: Collection[int] = ()) -> None:
    """A value for each cell of a unit, in order; the rows of some, by number, with the status `failed`."""
    status = ["failed" if row in failed else "ok" for row in range(len(unit))]
    errors = ["not finite" if row in failed else None for row in range(len(unit))]
    keys = [[prompt.id for prompt, _ in unit.cells], [seed for _, seed in unit.cells]]
    table.publish(
        unit, pa.table([*keys, status, errors, pa.array(values, table.schema.field("score").type)], table.schema), {}
    )
