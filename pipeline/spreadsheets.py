"""CSV files that a spreadsheet shows as they are: what a stranger's text would have it compute stays text."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

Value = str | int | float | None
Row = Sequence[Value]

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(path: Path, header: Row, rows: Iterable[Row]) -> None:
    """Write a table: UTF-8, a header, empty where a value is None.

    A text at whose beginning a spreadsheet would see a formula gets an apostrophe before it; numbers are as they are.

    Source: OWASP, "CSV Injection".
    """
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([_inert(value) for value in row] for row in rows)


def _inert(value: Value) -> Value:
    if isinstance(value, str) and value.lstrip(" ").startswith(_BEGINS_A_FORMULA):
        return f"'{value}"
    return value
