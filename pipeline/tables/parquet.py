"""Parquet that others open, written and read with checksums."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason, validated
from seedscope.pipeline.tables.fetched import CHECKED, Fetched
from seedscope.pipeline.tables.image_column import IMAGE

ROW_GROUP = 64


@dataclass(frozen=True)
class Groups:
    """Rows by row groups, which need not be in memory together. Of `ROW_GROUP` rows each but the last, they make the same file
    as all rows at once.

    Attributes:
        large: whether pictures may be so large that no statistics of their bytes are kept, for which Arrow copies them about
            six times.
    """

    tables: Iterable[pa.Table]
    large: bool = False

    @classmethod
    def of(cls, rows: "Rows") -> "Groups":
        return cls([rows]) if isinstance(rows, pa.Table) else rows

    def through(self, step: Callable[[Iterable[pa.Table]], Iterable[pa.Table]]) -> "Groups":
        """The groups as a step hands them on."""
        return Groups(step(self.tables), self.large)


Rows: TypeAlias = pa.Table | Groups


def tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, each with its columns in order."""
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def write_parquet(rows: Groups, schema: pa.Schema, path: Path) -> None:
    """Write rows: pictures neither compressed again nor dictionary-encoded, pages indexed and checksummed."""
    pictures = [f"{item.name}.{part}" for item in schema if item.type == IMAGE for part in ("bytes", "path")]
    leaves = [item.name for item in schema if item.type != IMAGE] + pictures
    # pyarrow names the values of a list column `name.list.element`.
    lists = {item.name: f"{item.name}.list.element" for item in schema if pa.types.is_fixed_size_list(item.type)}
    leaves = [lists.get(leaf, leaf) for leaf in leaves]
    with pq.ParquetWriter(
        path,
        schema,
        compression={leaf: "NONE" if leaf in pictures else "ZSTD" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if leaf in ("prompt_id", "prompt", "seed", "status", "task")],
        write_statistics=[leaf for leaf in leaves if leaf not in pictures] if rows.large else True,
        write_page_index=True,
        write_page_checksum=True,
    ) as writer:
        for group in rows.tables:
            writer.write_table(group.cast(schema), row_group_size=ROW_GROUP)
            del group  # before the next one is made
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def in_memory(content: bytes) -> pa.NativeFile:
    """Bytes as a file, in memory of Arrow's own.

    Its threads let go of memory a moment after a read has returned. Of memory that is Python's they ask Python for that, and
    where it is just ending, its process aborts.
    """
    stream = pa.BufferOutputStream()
    stream.write(content)
    return pa.BufferReader(stream.getvalue())


@contextmanager
def parquet(source: pa.NativeFile, name: str, *, remote: bool = False) -> Iterator[pq.ParquetFile]:
    """A Parquet file, the checksums of pages verified as they are read.

    Args:
        name: what to call it where it cannot be read.
        remote: each read is a request.

    Raises:
        CorruptShard: it is cut off, or has bytes that do not match their checksum.
    """
    try:
        with source, Fetched(source) if remote else pq.ParquetFile(source, **CHECKED) as file:
            yield file
    except UNREADABLE as error:
        raise CorruptShard(f"{name}: cannot be read: {reason(error)}") from error


def read_rows(file: pq.ParquetFile, schema: pa.Schema, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a Parquet file of that schema.

    Raises:
        CorruptShard: it has another schema.
    """
    _refuse_other_schema(file, schema, name)
    return validated(file.read(columns=None if columns is None else list(columns)))


def read_through(file: pq.ParquetFile, schema: pa.Schema, name: str) -> None:
    """Read a Parquet file of that schema for its checksums alone, a row group at a time.

    Raises:
        CorruptShard: it has another schema.
    """
    _refuse_other_schema(file, schema, name)
    for group in range(file.num_row_groups):
        file.read_row_group(group)


def _refuse_other_schema(file: pq.ParquetFile, schema: pa.Schema, name: str) -> None:
    if file.schema_arrow != schema:
        raise CorruptShard(f"{name}: has another schema than its table")


def read_whole(source: pa.NativeFile | Path) -> pa.Table:
    """The rows of a small Parquet file.

    Raises:
        One of `UNREADABLE`: it is damaged, or none.
    """
    with pq.ParquetFile(source, page_checksum_verification=True) as file:
        return validated(file.read())
