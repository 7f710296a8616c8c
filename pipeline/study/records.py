"""The rows of a table that a person made: a CSV, TSV, JSONL or Parquet file."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.pipeline.study.schema import Json

FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
UNREADABLE = (OSError, ValueError, pa.ArrowException, csv.Error)
Record = dict[str, Json]


class BadRow(ValueError):
    """A row that is none; `number`: of its line."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number


def records(path: Path, *, ragged: bool = False) -> Iterator[tuple[int, Record]]:
    """(number of the line or, of Parquet, of the row, from 1 on; column -> value), read as they are asked for.

    Values of CSV and TSV are texts.

    Args:
        ragged: of CSV and TSV, values beyond the columns are left out, and missing ones are None.

    Raises:
        BadRow: a line of JSONL that holds no object; one of CSV or TSV that has not as many values as columns.
        OSError, ValueError, pa.ArrowException, csv.Error (`UNREADABLE`): the file cannot be read.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        return _parquet(path)
    return _jsonl(path) if kind == ".jsonl" else _separated(path, tabs=kind == ".tsv", ragged=ragged)


def _parquet(path: Path) -> Iterator[tuple[int, Record]]:
    with pq.ParquetFile(path) as file:
        yield from enumerate((record for batch in file.iter_batches() for record in batch.to_pylist()), 1)


def _jsonl(path: Path) -> Iterator[tuple[int, Record]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                record: Json = json.loads(line)
                if not isinstance(record, dict):
                    raise BadRow(number, "a line is no JSON object")
                yield number, record


def _separated(path: Path, *, tabs: bool, ragged: bool) -> Iterator[tuple[int, Record]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        # TSV has no quoting (IANA text/tab-separated-values); PartiPrompts has a prompt that begins with a quote.
        reader = csv.DictReader(
            file, delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
        )
        for row in reader:
            if not ragged and (None in row or None in row.values()):
                raise BadRow(reader.line_num, f"line {reader.line_num} has not as many values as there are columns")
            yield reader.line_num, {key: value for key, value in row.items() if key is not None}
