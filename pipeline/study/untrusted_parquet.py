"""Parquet that others wrote, or whose bytes may have changed: what reading it raises, and what is made sure of before.

Arrow believes a file in much. What its footer says of columns and rows, and where the values of a column lie, is asked for
here in ways in which Arrow refuses it; asked for otherwise, it takes gigabytes, or ends the process.
"""

from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

UNREADABLE = (OSError, ValueError, OverflowError, pa.ArrowException)
"""What reading a table of others raises; of Parquet, with `validated`, no more."""
_LARGEST_CHUNK = 512 * 2**20
"""Bytes of a column of a row group, and (below) of its mean value, that fit into memory a few times."""
_LARGEST_MEAN = 2**20
Read = TypeVar("Read", pa.RecordBatch, pa.Table)


def reason(error: Exception) -> str:
    """What one of `UNREADABLE` says, as part of a sentence that names the file: in one line, without a full stop."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()).rstrip(".")


def refuse_bombs(file: pq.ParquetFile, names: list[str]) -> None:
    """Refuse a few bytes that become gigabytes, in the columns of some names.

    Raises:
        ValueError: they do, in a row group.
        One of `UNREADABLE`: what the footer says of them cannot be.
    """
    leaves = [place for place in range(len(file.schema)) if file.schema.column(place).path in names]
    for group in range(file.num_row_groups):
        if leaves:
            _build(file, group, leaves)
        row_group = file.metadata.row_group(group)
        for column in map(row_group.column, leaves):
            size, mean = column.total_uncompressed_size, column.total_uncompressed_size / max(column.num_values, 1)
            if size > _LARGEST_CHUNK or mean > _LARGEST_MEAN:
                raise ValueError(
                    f"its column {column.path_in_schema!r} takes {size / 2**20:,.0f} MiB in a row group of "
                    f"{row_group.num_rows:,} rows, which is more than is read at once"
                )


def _build(file: pq.ParquetFile, group: int, leaves: list[int]) -> None:
    """Have Arrow make out what the footer says of columns, as for reading no rows of them.

    Where it throws there, that is an exception; `metadata.row_group(group).column(place)` would end the process.
    """
    next(file.reader.iter_batches(0, [group], leaves), None)


def counts(file: pq.ParquetFile) -> list[int]:
    """The rows of each row group.

    Raises:
        ValueError: they are not those of the file.
    """
    found = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    if sum(found) != file.metadata.num_rows or min(found, default=0) < 0:
        raise ValueError(f"it says that it has {file.metadata.num_rows:,} rows, and its row groups have {sum(found):,}")
    return found


def validated(rows: Read) -> Read:
    """The same, of which Arrow has made sure that texts are UTF-8, and that places lie in what they point into.

    Raises:
        pa.ArrowException: they do not: the file is damaged.
    """
    rows.validate(full=True)
    return rows
