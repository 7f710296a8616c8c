"""What is found below a folder: links are followed once, and what cannot be looked at is said."""

import os
from pathlib import Path
from typing import Any

import pytest

from seedscope.pipeline.imported import looking
from seedscope.pipeline.imported.looking import find_pictures


def found(folder: Path) -> tuple[list[str], dict[str, str]]:
    pictures, unseen = find_pictures(folder, folder / "run", {".png"})
    return [str(path.relative_to(folder)) for path in pictures], {path.name: why for path, why in unseen.items()}


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_linked_folders_are_looked_into_once(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    touch(folder / "b" / "1.PNG", folder / "notes.txt", tmp_path / "elsewhere" / "2.png", folder / "run" / "0.png")
    (folder / "a").symlink_to(folder / "b")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(folder)
    (folder / "b" / "up").symlink_to(tmp_path)
    (folder / "lost.png").symlink_to(tmp_path / "nothing.png")
    assert found(folder) == (["b/1.PNG", "linked/2.png"], {})


def test_kinds_of_pictures_that_are_not_read_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "a.heic", tmp_path / "b.jxl", tmp_path / "c.mp4")
    names, unseen = found(tmp_path)
    assert names == [] and unseen.keys() == {"a.heic", "b.jxl"} and ".heic are not read" in unseen["a.heic"]


def test_notes_of_macos_are_no_pictures(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "._a.png", tmp_path / "__MACOSX" / "._b.heic", tmp_path / ".hidden.png")
    assert found(tmp_path) == ([".hidden.png", "a.png"], {})


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "shut" / "1.png", tmp_path / "2.png")
    listed = os.scandir

    def refusing(path: Any) -> Any:  # the system lets root look into every folder
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(looking.os, "scandir", refusing)
    assert found(tmp_path) == (["2.png"], {"shut": "this folder cannot be looked into: Permission denied"})
