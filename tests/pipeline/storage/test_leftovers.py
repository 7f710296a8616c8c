"""What killed writers left beside their files is swept by who holds the run next; what a living one has stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedscope.pipeline.storage.exchange import exchange
from seedscope.pipeline.storage.leftovers import sweep, sweep_run
from seedscope.pipeline.tables.run_folder import RunFolder

BESIDE = ("looks-1a2b3c4d/", "receipts/looks-1a2b3c4d/", "receipts/looks-1a2b3c4d/given-up/")
FORMERLY = ("looks-1a2b3c4d/receipts/", "images-1a2b3c4d/given-up/")
GONE = 2**22 + 1  # above the highest number that Linux gives to a process


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_next_holder_of_a_run_sweeps_all_of_it(tmp_path: Path) -> None:
    kept = {"seeds.parquet", ".seeds.parquet", "receipts/looks-1a2b3c4d/..index.parquet", ".notes.1.txt"}
    left = {
        f"{folder}.{name}.{GONE}.0a1b2c3d"
        for folder in ("", "editions/", *BESIDE, *FORMERLY)
        for name in ("seeds.parquet", "0001.json", ".index.parquet")
    }
    for name in kept | left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / f".report.{GONE}.0a1b2c3d.new" / "parts").mkdir(parents=True)
    with RunFolder(tmp_path).locked("1-2"):
        assert names(tmp_path) >= left  # holders of other slices may be writing
    with RunFolder(tmp_path).locked():
        assert names(tmp_path) - {".lock", ".lock-1-2"} == kept
    assert not list(tmp_path.glob(".report*"))


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as writer:
        left = tmp_path / f".golden.json.{writer.pid}.0a1b2c3d"
        left.touch()
        sweep_run(tmp_path)
        assert left.exists()
        writer.communicate()
    sweep_run(tmp_path)
    assert not left.exists()


def test_what_was_put_aside_is_put_back(tmp_path: Path) -> None:
    for name in ("page", "other"):
        (tmp_path / f".{name}.{GONE}.0a1b2c3d.old").mkdir()
    (tmp_path / f".page.{GONE}.0a1b2c3d.new").mkdir()
    sweep(tmp_path, "page")
    assert {path.name for path in tmp_path.iterdir()} == {"page", f".other.{GONE}.0a1b2c3d.old"}


def test_two_folders_change_places_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system cannot exchange two folders")
    assert names(tmp_path) == {"one/other", "other/one"}
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "nowhere")
    assert os.listdir(tmp_path / "one") == ["other"]  # noqa: PTH208
