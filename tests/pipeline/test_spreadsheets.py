"""CSV files in which no text is a formula to a spreadsheet."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedscope.pipeline.spreadsheets import write_csv


def cells(path: Path, *row: str | int | float | None) -> list[str]:
    write_csv(path, ("a",), [row])
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "＝1",
        '=HYPERLINK("http://x")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_a_text_that_looks_like_a_formula_stays_a_text(tmp_path: Path, text: str) -> None:
    assert cells(tmp_path / "x.csv", text) == [f"'{text}"]


def test_numbers_and_plain_texts_are_as_they_are(tmp_path: Path) -> None:
    assert cells(tmp_path / "x.csv", -1, -0.5, None, "a - b", "'quoted'", "a\nb") == [
        "-1",
        "-0.5",
        "",
        "a - b",
        "'quoted'",
        "a\nb",
    ]


@given(text=st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_text_begins_as_a_formula(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    (cell,) = cells(tmp_path_factory.getbasetemp() / "x.csv", text) or [""]
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) and cell.endswith(text)
