"""Names in a table that have other capitals than the files, as systems that take no account of them let people write."""

from pathlib import Path

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.listed import find_table
from seedscope.pipeline.imported.placing import place

LOST = "the table names it, but there is no such picture"


def placed(folder: Path, names: list[str], rows: list[str]) -> tuple[dict[str, int], dict[str, str]]:
    """File -> seed of those that have a cell, and file -> reason; the table numbers its rows."""
    for number, name in enumerate(names):
        foreign.png(folder / f"{number}.png", {}, foreign.noise(number))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").replace(folder / name)
    if len(names) > sum(1 for _ in folder.iterdir()):
        pytest.skip("the file system takes no account of capitals")
    table = "".join(f"{name},a cat,{number}\n" for number, name in enumerate(rows))
    (folder / "t.csv").write_text(f"file,prompt,seed\n{table}")
    found = place(folder, find_table(folder).entries, outside=folder / "run")
    cells = {str(item.file.relative_to(folder)): item.seed for item in found.cells.values()}
    return cells, {str(file.relative_to(folder)): why for file, why in found.unplaced.items()}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("b.PNG", "b.png"),
        ("Cats/B.png", "cats/b.png"),
        ("Äpfel.png", "äPFEL.png"),
        ("A\u0308.png", "\u00e4.png"),
        ("sub/B.png", "SUB\\b.png"),
        ("two words.PNG", "two%20words.png"),
    ],
)
def test_a_file_is_found_by_its_name_in_other_capitals(tmp_path: Path, name: str, row: str) -> None:
    assert placed(tmp_path, [name], [row]) == ({name: 0}, {})


def test_names_as_they_stand_go_first(tmp_path: Path) -> None:
    cells, unplaced = placed(tmp_path, ["b.png", "B.png"], ["B.png", "b.PNG"])
    assert cells == {"B.png": 0, "b.png": 1} and unplaced == {}


def test_a_name_that_stands_for_several_files_is_refused_with_their_names(tmp_path: Path) -> None:
    cells, unplaced = placed(tmp_path, ["b.PNG", "B.png"], ["b.png"])
    assert cells == {} and unplaced["b.png"] == f"{LOST}; there is B.png and b.PNG"


def test_a_file_that_two_names_stand_for_is_refused(tmp_path: Path) -> None:
    cells, unplaced = placed(tmp_path, ["b.PNG"], ["b.png", "B.png"])
    assert cells == {} and unplaced["b.png"] == unplaced["B.png"] == f"{LOST}; there is b.PNG"


def test_other_names_are_lost(tmp_path: Path) -> None:
    cells, unplaced = placed(tmp_path, ["b.png"], ["b.png", "c.png"])
    assert cells == {"b.png": 0} and unplaced == {"c.png": LOST}
