"""The rows of a CSV or TSV file, none of them cut, swallowed or put together: what could be read in two ways is refused.

A comma that should stand in quotes, a quote that nobody closed, a quote of another dialect: read as it stands, each costs
prompts without a word. Source: RFC 4180 for CSV; IANA text/tab-separated-values, which knows no quotes, for TSV.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from seedscope.pipeline.study.given import LONGEST, BadRow, opened_text, trimmed

csv.field_size_limit(LONGEST)  # of the whole process; Python's own limit is 131,072


def separated(path: Path, *, tabs: bool, ragged: bool) -> Iterator[tuple[int, dict[str, str | None]]]:
    """(number of the row's first line, column -> value), of rows that are not empty.

    Commas may be semicolons, tabs or bars in all of a CSV file, as spreadsheets of other countries write it.

    Args:
        ragged: values may be missing at the end of a row, and are None.

    Raises:
        BadRow: a row with other values than columns, a column named twice, quotes that do not open and close a cell.
        OSError, ValueError: the file cannot be read.
    """
    rows = _rows(path, tabs=tabs)
    start, names = next(rows, (1, []))
    columns = _named(start, names)
    for number, row in rows:
        values: list[str | None] = [*_fitting(number, row, columns)]
        if not ragged and len(values) < len(columns):
            raise BadRow(number, f"has {len(values)} values for {_counted(columns)}.")
        values += [None] * (len(columns) - len(values))
        yield number, {name: value for name, value in zip(columns, values, strict=True) if name}


def columns_of(path: Path, *, tabs: bool) -> list[str]:
    """The names in the first row, without spaces around them.

    Raises: as `separated`.
    """
    start, names = next(_rows(path, tabs=tabs), (1, []))
    return [name for name in _named(start, names) if name]


def quoted(cell: str) -> str | None:
    """What is wrong with a cell of a TSV file that looks quoted, or None: read as it stands, it would keep its quotes."""
    cell = cell.strip()
    if not cell.startswith('"') or len(cell) < 2:
        return None
    if cell.endswith('"'):
        return "begins and ends with a quote, and TSV knows no quotes"
    return "opens a quote that it does not close, and TSV knows no quotes" if cell.count('"') % 2 else None


def _rows(path: Path, *, tabs: bool) -> Iterator[tuple[int, list[str]]]:
    """(number of the first line, values) of each row that is not empty, the names of the columns first."""
    with opened_text(path, newline="") as file:
        first = file.readline(LONGEST)
        skipped = 0
        if told := None if tabs else re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE):  # how Excel is told
            first, skipped = file.readline(LONGEST), 1
        delimiter = "\t" if tabs else told[1] if told else _delimiter(first)
        reader = csv.reader(
            chain([first], file),
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
            skipinitialspace=delimiter in ",;",
            strict=True,
        )
        columns = 0
        while True:
            start = reader.line_num + skipped + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise BadRow(start, _unquoted(str(error), reader.line_num + skipped)) from None
            if row is None:
                return
            if row:
                columns = columns or len(row)
                _refuse_swallowed(start, row, columns, delimiter)
                yield start, row


def _delimiter(header: str) -> str:
    names = re.sub('"[^"]*"', "", header)
    return next((mark for mark in ",;\t|" if mark in names), ",")


def _unquoted(error: str, line: int) -> str:
    """What the reader of CSV found wrong, for people."""
    remedy = 'A cell with a quote in it is written "a sign ""STOP""".'
    if "end of data" in error:
        return f"opens a quote that nothing closes. {remedy}"
    if "field limit" in error:
        return f"opens a cell of more than {LONGEST:,} characters, perhaps by a quote that nothing closes. {remedy}"
    if "expected after" in error:
        return f"opens a quote that is closed, on line {line}, in the middle of a cell. {remedy}"
    return f"cannot be read as CSV: {error}."


def _named(start: int, names: Sequence[str]) -> list[str]:
    """The columns; those without a name, as spreadsheets leave them behind, are empty."""
    columns = [trimmed(name) for name in names]
    if twice := [name for name, count in Counter(columns).items() if name and count > 1]:
        raise BadRow(start, f"names the column {twice[0]!r} twice. Rename or remove one of the two.")
    while columns and not columns[-1]:
        columns.pop()
    return columns


def _fitting(number: int, row: list[str], columns: Sequence[str]) -> list[str]:
    """The values of a row that have a column.

    Raises:
        BadRow: there are more than that.
    """
    if any(value.strip() for value in row[len(columns) :]):
        raise BadRow(
            number,
            f"has {len(row)} values for {_counted(columns)}. Put a text with a comma in it into "
            'quotes: "a cat, sitting".',
        )
    return row[: len(columns)]


def _counted(columns: Sequence[str]) -> str:
    return f"{len(columns)} column{'' if len(columns) == 1 else 's'} ({', '.join(columns)})"


def _refuse_swallowed(number: int, row: Sequence[str], columns: int, delimiter: str) -> None:
    """Refuse a cell with lines that look like rows: its quote has probably been forgotten to be closed."""
    tight = re.compile(f"{re.escape(delimiter)}(?! )")  # as between cells; in a text a space follows a comma
    for at, cell in enumerate(row):
        if "\n" not in cell and "\r" not in cell:
            continue
        first, *others = cell.splitlines()
        if not others:  # the line break is the cell's last letter
            continue
        # The end of a row, lines, and the beginning of the row in which another quote closes it.
        between = len(tight.findall(first)) == columns - 1 - at and len(tight.findall(others[-1])) == at
        for line in others:
            if line.strip() and (
                columns == 1 or line.count(delimiter) == columns - 1 or (between and line is others[-1])
            ):
                raise BadRow(
                    number,
                    f"opens a quote that takes in the line {line.strip()[:60]!r}, which looks like a row of its own. Close "
                    "the quote; or, if the line belongs to the cell, put a space for the line break, or write JSONL.",
                )
