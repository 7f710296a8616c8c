"""The rows of a table that a person made: a CSV, TSV, JSONL or Parquet file."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seedscope.pipeline.study.given import LONGEST, BadRow, not_text, opened_text, read_json, regular
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.study.separated import columns_of, separated
from seedscope.pipeline.study.untrusted_parquet import refuse_bombs, validated

FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
MOST_ROWS = 2_000_000
_EXACT = {pa.float16(): 2**11, pa.float32(): 2**24, pa.float64(): 2**53}
"""The whole number from which on a column of decimal numbers does not hold all of them."""
Record = dict[str, Json]


class Rounded(float):
    """A number of a column of decimal numbers that is perhaps another whole number, rounded: only those below `exact` are held
    as they were."""

    exact: int

    def __new__(cls, value: float, exact: int) -> "Rounded":
        found = super().__new__(cls, value)
        found.exact = exact
        return found


def records(
    path: Path, *, ragged: bool = False, needed: Callable[[str], bool], most: int | None = MOST_ROWS
) -> Iterator[tuple[int, Record]]:
    """(number of the line or, of Parquet, of the row, from 1 on; column -> value), read as they are asked for.

    Values of CSV and TSV are texts; those of Parquet are texts, numbers (some of them `Rounded`) and truth values, and other
    columns are left out.

    Args:
        ragged: of CSV and TSV, missing values at the end of a row are None.
        needed: whether a column, by its name, is one that has to be read.
        most: rows; None: any number.

    Raises:
        BadRow: a line that cannot be read, or not in one way; its message is a sentence.
        One of `UNREADABLE` (untrusted_parquet.py): the file cannot be read.
    """
    found = _of_parquet(path, needed, most) if path.suffix.lower() == ".parquet" else _of_text(path, ragged=ragged)
    for count, row in enumerate(found):
        if count == most:
            raise ValueError(f"it has more than {most:,} rows")
        yield row


def columns(path: Path) -> list[str]:
    """The names of a table's columns; of JSONL, those of its first line.

    Raises: as `records`.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        with pq.ParquetFile(regular(path)) as file:
            return list(file.schema_arrow.names)
    if kind == ".jsonl":
        return next(([*record] for _, record in _of_text(path, ragged=True)), [])
    try:
        return columns_of(path, tabs=kind == ".tsv")
    except UnicodeDecodeError:
        raise not_text(path) from None


def _of_text(path: Path, *, ragged: bool) -> Iterator[tuple[int, Record]]:
    kind = path.suffix.lower()
    try:
        if kind == ".jsonl":
            yield from _jsonl(path)
        else:
            for number, row in separated(path, tabs=kind == ".tsv", ragged=ragged):
                yield number, {**row}
    except UnicodeDecodeError:
        raise not_text(path) from None


def _jsonl(path: Path) -> Iterator[tuple[int, Record]]:
    with opened_text(path) as lines:
        number = 0
        while line := lines.readline(LONGEST):
            number += 1
            if line.strip():
                yield number, _object(number, line)


def _object(number: int, line: str) -> Record:
    try:
        record = read_json(line)
    except json.JSONDecodeError as error:
        raise BadRow(number, f"is not valid JSON: {error.msg} at character {error.pos + 1}.") from None
    except ValueError as error:
        raise BadRow(number, f"cannot be read: {error}.") from None
    if not isinstance(record, dict):
        raise BadRow(number, 'every line must be a JSON object, such as {"prompt": ...}.')
    return record


def _of_parquet(path: Path, needed: Callable[[str], bool], most: int | None) -> Iterator[tuple[int, Record]]:
    with pq.ParquetFile(regular(path)) as file:
        schema = file.schema_arrow
        if most is not None and file.metadata.num_rows > most:
            raise ValueError(f"it has {file.metadata.num_rows:,} rows, and at most {most:,} are read")
        if twice := [name for name, count in Counter(schema.names).items() if count > 1]:
            raise ValueError(f"it names the column {twice[0]!r} twice")
        names = [field.name for field in schema if _is_plain(field.type) or needed(field.name)]
        if wrong := [name for name in names if not _is_plain(schema.field(name).type)]:
            raise ValueError(
                f"its column {wrong[0]!r} is {schema.field(wrong[0]).type}, which is neither text nor number"
            )
        refuse_bombs(file, names)
    # As dictionaries, so that a text that stands in a million rows is held once.
    texts = [name for name in names if _is_string(schema.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        number = 0
        for batch in file.iter_batches(columns=names):
            values = [_values(column) for column in validated(batch).columns]
            for row in zip(*values, strict=True):
                number += 1
                yield number, dict(zip(batch.schema.names, row, strict=True))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values are texts, numbers or truth values."""
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    return _is_string(kind) or any(test(kind) for test in tests)


def _values(column: pa.Array) -> list[Json]:
    if isinstance(column, pa.DictionaryArray):
        words = column.dictionary
        if _is_string(words.type) and (pc.max(pc.binary_length(words)).as_py() or 0) > LONGEST:
            raise ValueError(f"it holds a text of more than {LONGEST:,} bytes")
        held = _values(words)
        return [None if place is None else held[place] for place in column.indices.to_pylist()]
    found: list[Json] = column.to_pylist()
    if (exact := _EXACT.get(column.type)) is None:
        return found
    return [Rounded(value, exact) if isinstance(value, float) and abs(value) >= exact else value for value in found]
