"""The feature stage: the pictures of a unit, read and decoded once -> a shard of numbers for each feature that lacks it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from weakref import WeakValueDictionary

import pyarrow as pa

from seedscope.analysis.features.base import Feature, Measurer
from seedscope.analysis.features.batches import BATCH, Batch, Cells
from seedscope.pipeline.models.device import gpu_memory_ran_out, pick_device, workers_a_node
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table


class Source(Protocol):
    """Where the pictures of a unit come from, in the schema of image shards; `mask` is a column of some tasks."""

    def read(self, unit: Unit) -> pa.Table: ...

    def mark(self, unit: Unit) -> str:
        """What the pictures of a unit are at this moment: measurements of others are out of date."""
        ...


@dataclass(frozen=True)
class Generated:
    """Pictures from image shards."""

    table: Table

    def read(self, unit: Unit) -> pa.Table:
        return self.table.read(unit.name)

    def mark(self, unit: Unit) -> str:
        return self.table.receipt(unit.name).sha256


@dataclass(frozen=True)
class Measure:
    """A feature and the table of its values."""

    feature: Feature
    table: Table


def feature_table(run: Storage | Path | str, stage: str, feature: Feature, images: str) -> Table:
    """The table of a feature of some pictures; `images` is the fingerprint of these."""
    schema = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, *feature.columns()])
    return Table.of(run, stage, fingerprint({"feature": feature.fingerprint(), "images": images}), schema)


@dataclass
class Features(Stage):
    """Measures the pictures of a unit."""

    source: Source
    measures: Sequence[Measure]
    device: str = "auto"

    @property
    def tables(self) -> Sequence[Table]:
        return [measure.table for measure in self.measures]

    def needs(self) -> Literal["cpu", "gpu"]:
        return "gpu" if self._uses_networks() and self.device in ("auto", "cuda") else "cpu"

    def _uses_networks(self) -> bool:
        return any(measure.feature.on_gpu for measure in self.measures)

    def workers_a_node(self) -> int | None:
        return workers_a_node(self.device) if self._uses_networks() else None

    def _device(self) -> str:
        return pick_device(self.device if self._uses_networks() else "cpu")

    def open(self) -> "OpenFeatures":
        device = self._device()
        measurers = [_loaded(measure.feature, device) for measure in self.measures]
        return OpenFeatures(self.source, self.measures, measurers, device)


_LOADED: WeakValueDictionary[tuple[Feature, str], Measurer] = WeakValueDictionary()
"""What is in use in this process: stages that measure different pictures by one feature share its network."""


def _loaded(feature: Feature, device: str) -> Measurer:
    measurer = _LOADED.get((feature, device))
    if measurer is None:
        measurer = _LOADED[feature, device] = feature.load(device)
    return measurer


@dataclass(frozen=True)
class OpenFeatures:
    """The feature stage with its networks. A cell whose picture is missing or unreadable keeps its row, with the reason.

    A batch of pictures goes through all features and is let go, while the next ones are decoded: memory does not grow with
    the unit beyond its files. `measurers` are those of `measures`, in order.
    """

    source: Source
    measures: Sequence[Measure]
    measurers: Sequence[Measurer]
    device: str

    @property
    def tables(self) -> Sequence[Table]:
        return [measure.table for measure in self.measures]

    def run(
        self, unit: Unit, tables: Sequence[Table], smaller: int = 1
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        """As `OpenStage.run`. A feature that raises does not cost the others their work: its exception follows their rows."""
        made: dict[str, Json] = {"device": self.device, "source": self.source.mark(unit)}
        cells = Cells(self.source.read(unit), unit.prompts)
        size = max(1, BATCH // smaller)
        found = [
            (measure.table, _Columns(measure.feature.fields(), measurer, size))
            for measure, measurer in zip(self.measures, self.measurers, strict=True)
            if measure.table in tables
        ]
        for batch in cells.batches():
            for _, columns in found:
                columns.add(batch)
        for table, columns in found:
            if columns.mishap is None:
                how: dict[str, Json] = {"batch": columns.size, "compute_seconds": round(columns.seconds, 3)}
                yield table, columns.rows(cells), made | how
        for _, columns in found:
            if columns.mishap is not None:
                raise columns.mishap


@dataclass
class _Columns:
    """What a feature made of the batches so far, `size` pictures a call at most, and the seconds that it took by itself."""

    fields: Sequence[pa.Field]
    measurer: Measurer
    size: int
    seconds: float = 0.0
    mishap: Exception | None = None
    _places: list[int] = field(default_factory=list)
    _parts: list[dict[str, pa.Array]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        if self.mishap is not None:
            return
        started = time.perf_counter()
        try:
            self._compute(batch)
        except Exception as error:  # noqa: BLE001  (raised by the stage, after the rows of the other features)
            self.mishap = error
        self._places += batch.places
        self.seconds += time.perf_counter() - started

    def _compute(self, batch: Batch) -> None:
        """Where the GPU's memory does not suffice for as many pictures, half of them are tried, from here on."""
        at = 0
        while at < len(batch.places):
            some = batch.part(at, at + self.size)
            try:
                self._parts.append(self.measurer.measure(some.pixels, some.prompts, some.masks))
            except Exception as error:
                if len(some.places) == 1 or not gpu_memory_ran_out(error):
                    raise
                self.size = len(some.places) // 2
                continue
            at += len(some.places)

    def rows(self, cells: Cells) -> pa.Table:
        """A row a cell, in order: null where there is no picture, with the reason."""
        # Row i of the whole is row `joined[i]` of the parts joined.
        joined: list[int | None] = [None] * len(cells.failures)
        for index, place in enumerate(self._places):
            joined[place] = index
        status = pa.array(["failed" if reason else "ok" for reason in cells.failures], pa.string())
        whole = cells.keys.append_column("status", status)
        whole = whole.append_column("error", pa.array(cells.failures, pa.string()))
        for item in self.fields:
            column = pa.concat_arrays([part[item.name] for part in self._parts] or [pa.array([], item.type)])
            whole = whole.append_column(item, column.take(pa.array(joined, pa.int64())))
        return whole
