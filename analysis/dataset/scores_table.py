"""The table `scores.parquet`: a row a picture, with every number that was measured of it.

It is made from the tables of the features, some shards in memory at a time, and made again when they have changed. What is
known of a picture only beside all others, its part in a distance and the combined score, comes from the judgement of the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seedscope.analysis.features.base import Feature
from seedscope.analysis.judging.judge import Judged
from seedscope.analysis.judging.measurement import WITNESS, Measurement, measurements
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.combined import COMBINED
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE
from seedscope.pipeline.tables.ahead import ahead
from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.parquet import tuples
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import READERS, Table

ROWS = 2**16
"""Rows of a row group, at least."""
SOURCE = b"seedscope_source"
"""Key of the metadata that say what the table was made from."""


@dataclass(frozen=True)
class Judgement:
    """What was judged: a part of the run, such as the confirmation of a sweep, and what is known of its seeds."""

    part: Run
    judged: Judged

    def values(self, name: str) -> Callable[[Unit], Array] | None:
        """What a measurement says of the pictures of a unit: (n,) of its cells, NaN where nothing; None where it says nothing
        of the seeds."""
        if name not in self.judged.scalars:
            return None
        scalar = self.judged.scalars[name]
        prompts = [*dict.fromkeys(prompt.id for unit in self.part.units for prompt in unit.prompts)]
        row = {prompt: i for i, prompt in enumerate(np.array(prompts)[scalar.measured].tolist())}
        place = {seed: i for i, seed in enumerate(scalar.seeds.tolist())}
        # What is not known is found in a last row and column.
        values = np.pad(scalar.scores.values, ((0, 1), (0, 1)), constant_values=np.nan)

        def of(unit: Unit) -> Array:
            at = [(row.get(prompt.id, -1), place.get(seed, -1)) for prompt, seed in unit.cells]
            return np.asarray(values[tuple(np.array(at, np.intp).T)])

        return of


def scores_schema(run: Run) -> pa.Schema:
    """The columns: the cell, whether it has a picture, each measurement of single pictures, and those beside all others."""
    own = [field for measure in run.measures for field in _fields(measure.feature)]
    combined = "Weighted mean of the measurements that the study combines: 0 for the average picture."
    beside = [column(COMBINED, pa.float32(), combined, "standard deviations", "higher")] if _combines(run) else []
    return pa.schema([*CELL_FIELDS, *STATUS_FIELDS, *own, *beside])


def _combines(run: Run) -> bool:
    return run.study.ranking is not None and isinstance(run.study.ranking.by, dict)


def _fields(feature: Feature) -> Iterator[pa.Field]:
    """What a feature measures of a picture, under the names that measurements of a run have."""
    kinds = {field.name: field.type for field in feature.fields()}
    for item in measurements(feature):
        yield item.about.on(pa.field(item.name, kinds.get(item.column, pa.float32())))


def write_scores(run: Run, judgement: Judgement | None = None) -> Path:
    """Write the table of a run into its folder; return its path.

    Without a judgement a table that was made from the same measurements stays as it is.

    Args:
        run: all of it, as it stands; units without pictures have no rows.

    Raises:
        CorruptShard: a shard is damaged.
    """
    path, source = run.folder.path / "scores.parquet", _source(run)
    if judgement is None and run.folder.storage.local is not None and _made_from(path) == source:
        return path
    schema = scores_schema(run).with_metadata({SOURCE: source.encode()})
    with (
        replacing(path) as scratch,
        pq.ParquetWriter(scratch, schema, compression="ZSTD", write_page_checksum=True) as writer,
    ):
        for group in _groups(_parts(run, schema, judgement), ROWS):
            writer.write_table(group)
    return path


def _source(run: Run) -> str:
    """sha256 (hex) over what the table is made from."""
    tables = [run.images, *(item.table for item in run.measures)]
    marks: dict[str, Json] = {}
    for table in tables:
        known = dict(tuples(table.ledger("unit", "sha256")))
        marks[table.name] = [[unit.name, known[unit.name]] for unit in run.units if unit.name in known]
    return fingerprint({"tables": marks, "columns": scores_schema(run).names})


def _made_from(path: Path) -> str | None:
    with suppress(*UNREADABLE):
        found: bytes = (pq.read_schema(path).metadata or {}).get(SOURCE, b"")
        return found.decode()
    return None


def _parts(run: Run, schema: pa.Schema, judgement: Judgement | None) -> Iterator[pa.Table]:
    """The rows of each unit that has pictures, in the order of the run; shards are read ahead."""
    failed = dict(tuples(run.images.ledger("unit", "failed")))
    committed = [item.table.committed() for item in run.measures]
    beside = {
        name: found
        for name in schema.names
        if judgement is not None and (found := _known_beside(name, run, judgement)) is not None
    }

    def rows(unit: Unit) -> pa.Table:
        cells = list(unit.cells)
        columns: dict[str, pa.Array | pa.ChunkedArray] = {
            "prompt_id": pa.array([prompt.id for prompt, _ in cells], pa.string()),
            "seed": pa.array([seed for _, seed in cells], pa.int64()),
            **_status(run.images, unit, failed[unit.name]),
        }
        for item, done in zip(run.measures, committed, strict=True):
            if unit.name in done:
                columns |= _measured(item.table, unit, measurements(item.feature))
        for name, found in beside.items():
            columns[name] = pa.array(found(unit), pa.float32(), from_pandas=True)
        nothing = partial(pa.nulls, len(cells))
        return pa.table(
            [columns[each.name] if each.name in columns else nothing(each.type) for each in schema], schema=schema
        )

    return ahead(rows, (unit for unit in run.units if unit.name in failed), READERS)


def _known_beside(name: str, run: Run, judgement: Judgement) -> Callable[[Unit], Array] | None:
    """What is known of a unit's pictures only beside all others, of a column that is of that kind."""
    features = (item.feature.name for item in run.measures if item.feature.needs_reference)
    of_all = {COMBINED, *(f"{feature}_{WITNESS}" for feature in features)}
    return judgement.values(name) if name in of_all else None


def _status(images: Table, unit: Unit, failed: int) -> dict[str, pa.Array | pa.ChunkedArray]:
    if failed:
        rows = images.read(unit.name, ["status", "error"])
        return {name: rows[name] for name in rows.column_names}
    count = len(unit)
    return {"status": pa.array(["ok"] * count, pa.string()), "error": pa.nulls(count, pa.string())}


def _measured(table: Table, unit: Unit, items: Iterable[Measurement]) -> dict[str, pa.ChunkedArray]:
    """The measurements of a unit's pictures by name: null where one failed."""
    names = {item.column: item.name for item in items if item.column != WITNESS}
    if not names:
        return {}
    rows = table.read(unit.name, ["status", *names])
    there = pc.equal(rows["status"], "ok")
    return {name: pc.if_else(there, rows[column], None) for column, name in names.items()}


def _groups(parts: Iterable[pa.Table], least: int) -> Iterator[pa.Table]:
    """Tables put together, so that each has some rows at least, but the last."""
    kept: list[pa.Table] = []
    for part in parts:
        kept.append(part)
        if sum(map(len, kept)) >= least:
            yield pa.concat_tables(kept)
            kept = []
    if kept:
        yield pa.concat_tables(kept)
