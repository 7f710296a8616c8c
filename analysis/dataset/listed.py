"""The tables of a run as they lie in its folder: what a row of each is, how many there are, and what the columns mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from seedscope.analysis.features import feature
from seedscope.analysis.run.recorded_study import recorded_study
from seedscope.pipeline.drawing.tasks.inpainting import INPAINT_SCHEMA
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.tables.columns import About, about
from seedscope.pipeline.tables.parquet import parquet
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.shards import opened, shard_name
from seedscope.pipeline.tables.table import Table

RESULTS = {
    "prompts": "A row a prompt.",
    "scores": "A row a picture, with every number that was measured of it.",
    "seeds": "A row a seed, the best first, with what is known of it by every measurement.",
    "measures": "A row a measurement: how much of it is the seed's, and what chance gives.",
    "distances": "A row a distance between the pictures of a seed and the reference pictures.",
    "text_rates": "A row a seed and task: how often a part drawn anew shows text.",
    "race": "A row a seed of the sweep, those that went out early too.",
    "golden": "A row a golden seed.",
    "map_seeds": "A row a seed: its place on the map of styles.",
    "map_images": "A row a picture: its place on the map of styles.",
}
"""Tables that are made from the others, in the order in which they are listed, and what a row of each is."""
_TABLE = re.compile(r"(?P<stage>.+)-[0-9a-f]{8}")
_SHARDS = {
    "images": "A row a picture, with the picture.",
    "early": "A row a picture as the first steps predict it.",
    "attention": "A row a picture: attention to the negative prompt.",
}


@dataclass(frozen=True)
class Column:
    """A column of a table, with what its file says of it; empty texts of one that was written before files said so."""

    name: str
    type: str
    description: str = ""
    unit: str = ""
    better: str = ""


@dataclass(frozen=True)
class Listed:
    """A table of a run. name: such as `scores` or `looks`; files: what opens it, such as `looks-1d5f101d/*.parquet`."""

    name: str
    files: str
    row: str
    rows: int
    columns: list[Column] = field(default_factory=list)


def listed(folder: RunFolder, results: Storage | None = None) -> list[Listed]:
    """The tables of a run: those that are made from others, then those of shards, by name. One that cannot be read has no
    columns, and says why.

    Args:
        results: where the former lie; None: where the run lies.
    """
    known = _described(folder)
    return [*_results(results or folder.storage), *_tables(folder.storage, known)]


def _results(place: Storage) -> Iterator[Listed]:
    there = {name.removesuffix(".parquet") for name in place.names() if re.fullmatch(r"[^.].*\.parquet", name)}
    for name in [*(name for name in RESULTS if name in there), *sorted(there - {*RESULTS})]:
        file = f"{name}.parquet"
        try:
            with parquet(place.open(file), f"{place.url}/{file}", remote=place.local is None) as opened_file:
                rows, schema = opened_file.metadata.num_rows, opened_file.schema_arrow
        except CorruptShard as error:
            yield Listed(name, file, f"Cannot be read: {error}.", 0)
        else:
            yield Listed(name, file, RESULTS.get(name, ""), rows, _columns(schema, {}))


def _tables(run: Storage, known: Mapping[str, Mapping[str, About]]) -> Iterator[Listed]:
    for name in sorted(run.folders()):
        if (match := _TABLE.fullmatch(name)) is None:
            continue
        stage, files = match["stage"], f"{name}/*.parquet"
        try:
            rows, schema = _of_shards(Table(run.inside(name), pa.schema([])))
        except CorruptShard as error:
            yield Listed(stage, files, f"Cannot be read: {error}.", 0)
        else:
            if rows:
                yield Listed(stage, files, _row(stage), rows, _columns(schema, known.get(stage.rsplit("-", 1)[-1], {})))


def _of_shards(table: Table) -> tuple[int, pa.Schema]:
    """The rows of a table that count, and the schema of its first shard."""
    ledger = table.ledger("unit", "rows", "shard").sort_by("unit")
    if not ledger.num_rows:
        return 0, table.schema
    with opened(table.storage, ledger["shard"][0].as_py() or shard_name(ledger["unit"][0].as_py())) as shard:
        return sum(ledger["rows"].to_pylist()), shard.schema_arrow


def _row(stage: str) -> str:
    if stage in _SHARDS:
        return _SHARDS[stage]
    of, _, measured = stage.rpartition("-")
    whose = {"": "A row a picture", "reference": "A row a reference picture", "early": "A row an early picture"}
    return f"{whose.get(of, 'A row a picture before a part of it is drawn anew')}: what {measured} measures of it."


def _columns(schema: pa.Schema, known: Mapping[str, About]) -> list[Column]:
    return [_column(item, about(item) or known.get(item.name) or _ALWAYS.get(item.name)) for item in schema]


def _column(item: pa.Field, said: About | None) -> Column:
    if said is None:
        return Column(item.name, _type(item.type))
    return Column(item.name, _type(item.type), said.description, said.unit or "", said.better or "")


def _type(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return "image"
    if pa.types.is_fixed_size_list(kind):
        return f"list of {kind.list_size} {_type(kind.value_type)}"
    return f"list of {_type(kind.value_type)}" if pa.types.is_list(kind) else str(kind)


_ALWAYS = {item.name: said for item in INPAINT_SCHEMA if (said := about(item)) is not None}
"""Of the columns that tables have whatever is measured, for files that were written before they said so."""


def _described(folder: RunFolder) -> dict[str, dict[str, About]]:
    """Feature -> what its columns mean, as far as the run keeps its study."""
    found: dict[str, dict[str, About]] = {}
    try:
        study = recorded_study(folder)
        for choice in () if study is None else study.features:
            columns = feature(choice.name, **choice.options).columns()
            found[choice.name] = {item.name: said for item in columns if (said := about(item)) is not None}
    except UserError:  # weights of a feature that are not here, or a study of another version
        pass
    return found
