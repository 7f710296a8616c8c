"""The feature stage: the pictures of a unit, read once -> a shard of numbers for each feature that lacks it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.features.base import Feature
from seedscope.pipeline.images import ImageError, decode
from seedscope.pipeline.models import pick_device
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.stage import Stage
from seedscope.pipeline.store import CELL_FIELDS, STATUS_FIELDS, Table
from seedscope.pipeline.study import Json, fingerprint

BATCH = 16
Pixels = npt.NDArray[np.uint8]


class Source(Protocol):
    """Where the pictures of a unit come from, in the schema of image shards."""

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


def feature_table(root: Any, stage: str, feature: Feature, images: str) -> Table:
    """The table of a feature of some pictures; `images` is the fingerprint of these."""
    schema = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, *feature.fields()])
    return Table.of(root, stage, fingerprint({"feature": feature.fingerprint(), "images": images}), schema)


@dataclass
class Features(Stage):
    """Measures the pictures of a unit. A cell whose picture is missing or unreadable keeps its row, with the reason."""

    source: Source
    measures: Sequence[Measure]
    device: str = "auto"

    @property
    def tables(self) -> Sequence[Table]:
        return [measure.table for measure in self.measures]

    def open(self) -> None:
        for measure in self.measures:
            measure.feature.load(pick_device(self.device))

    def run(self, unit: Unit, tables: Sequence[Table]) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        if not tables:
            return
        made: dict[str, Json] = {"device": pick_device(self.device), "batch": BATCH, "source": self.source.mark(unit)}
        rows = self.source.read(unit)
        keys = rows.select(["prompt_id", "seed"])
        prompts = rows.column("prompt").to_pylist()
        pictures, errors = _decode(rows)
        for measure in self.measures:
            if measure.table in tables:
                columns, failed = _measure(measure.feature, pictures, prompts, errors)
                status = pa.array(["failed" if error else "ok" for error in failed], pa.string())
                whole = keys.append_column("status", status).append_column("error", pa.array(failed, pa.string()))
                for item in measure.feature.fields():
                    whole = whole.append_column(item, columns[item.name])
                yield measure.table, whole, made


def _decode(rows: pa.Table) -> tuple[list[Pixels | None], list[str | None]]:
    """The picture of each row, or None and the reason why there is none."""
    pictures: list[Pixels | None] = []
    errors: list[str | None] = []
    for image, error in zip(rows.column("image").to_pylist(), rows.column("error").to_pylist(), strict=True):
        try:
            pictures.append(None if image is None else decode(image["bytes"]))
            errors.append(None if image is not None else error or "there is no picture")
        except ImageError as reason:
            pictures.append(None)
            errors.append(str(reason))
    return pictures, errors


def _measure(
    feature: Feature, pictures: list[Pixels | None], prompts: list[str], errors: list[str | None]
) -> tuple[dict[str, pa.Array], list[str | None]]:
    """A feature's columns for all rows, null where there is no picture, and the reason for each null."""
    present = [i for i, picture in enumerate(pictures) if picture is not None]
    parts: list[dict[str, pa.Array]] = []
    for batch in _batches(present, pictures):
        stacked = np.stack([picture for i in batch if (picture := pictures[i]) is not None])
        parts.append(feature.compute(stacked, [prompts[i] for i in batch]))
    # Row i of the whole is row `place[i]` of the parts joined; null where the picture is missing.
    place: list[int | None] = [None] * len(pictures)
    for joined, i in enumerate(present):
        place[i] = joined
    indices = pa.array(place, pa.int64())
    columns = {
        item.name: pa.concat_arrays([part[item.name] for part in parts] or [pa.array([], item.type)]).take(indices)
        for item in feature.fields()
    }
    return columns, errors


def _batches(present: list[int], pictures: list[Pixels | None]) -> Iterator[list[int]]:
    """Runs of pictures of one size, at most `BATCH` long."""
    shapes = [None if picture is None else picture.shape for picture in pictures]
    for _, run in groupby(present, key=shapes.__getitem__):
        same_size = list(run)
        for start in range(0, len(same_size), BATCH):
            yield same_size[start : start + BATCH]
