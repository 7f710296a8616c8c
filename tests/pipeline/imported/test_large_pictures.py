"""Large pictures are kept as PNG from the edition on that says so; those of before stay what they are."""

import json
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pyarrow.parquet as pq
import pytest

from seedscope.pipeline.images import decode
from seedscope.pipeline.imported import import_stage, imported_run, importing
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.imported.importing import Report
from seedscope.pipeline.running.runner import Executor, Unwatched
from seedscope.pipeline.tables.run_folder import RunFolder

SMALL, LARGE = (8, 12), (16, 24)


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_stage, "LARGE", 200)
    monkeypatch.setattr(imported_run, "LARGE", 200)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures, of which every third is large."""
    for seed in range(6):
        height, width = LARGE if seed % 3 == 2 else SMALL
        text = foreign.infotext("a cat", seed, Size=f"{width}x{height}")
        foreign.png(tmp_path / "pictures" / f"{seed}.png", {"parameters": text}, foreign.noise(seed)[:height, :width])
    return tmp_path / "pictures"


def bring(source: Path, out: Path) -> Report:
    run = ImportedRun(RunFolder(out))
    placing, report = importing.survey(source, run, mixed=not run.files)
    with run.folder.locked():
        importing.bring_in(placing, report, run, Executor("inline", threads=1), Unwatched())
    return report


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("images-*/*.parquet")}


def rows(out: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(out.glob("images-*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_large_pictures_come_in_as_png_with_their_very_pixels(pictures: Path, tmp_path: Path) -> None:
    bring(pictures, tmp_path / "run")
    found = rows(tmp_path / "run")
    assert [row["image"]["path"].rpartition(".")[2] for row in found] == ["webp", "webp", "png"] * 2
    assert [row["image"]["bytes"][1:4] == b"PNG" for row in found] == [False, False, True] * 2
    for row in found:
        height, width = LARGE if row["seed"] % 3 == 2 else SMALL
        assert (decode(row["image"]["bytes"]) == foreign.noise(row["seed"])[:height, :width]).all()
    assert bring(pictures, tmp_path / "run").units_made == 0


def test_large_pictures_end_a_row_group_by_their_bytes(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_stage, "PNG_BYTES", 1)
    bring(pictures, tmp_path / "run")
    (path,) = (tmp_path / "run").glob("images-*/*.parquet")
    found = pq.read_metadata(path)
    assert [found.row_group(at).num_rows for at in range(found.num_row_groups)] == [3, 3]
    assert found.row_group(0).column(3).path_in_schema == "image.bytes"
    assert found.row_group(0).column(3).statistics is None and found.row_group(0).column(2).statistics.max == 2


def test_a_run_of_before_keeps_its_pictures_where_a_shard_is_made_again(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(imported_run, "LARGE", 10**9)
        bring(pictures, tmp_path / "run")
    former = shards(tmp_path / "run")
    assert "large" not in json.loads((tmp_path / "run" / "editions" / "0001.json").read_text())
    assert bring(pictures, tmp_path / "run").units_made == 0
    (path,) = (tmp_path / "run").glob("images-*/*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    assert bring(pictures, tmp_path / "run").units_made == 1
    assert shards(tmp_path / "run") == former
    text = foreign.infotext("a cat", 7, Size="24x16")
    foreign.png(pictures / "7.png", {"parameters": text}, foreign.noise(7))
    assert bring(pictures, tmp_path / "run").units_made == 1
    assert former.items() <= shards(tmp_path / "run").items()
    assert [row["image"]["path"].rpartition(".")[2] for row in rows(tmp_path / "run")] == ["webp"] * 6 + ["png"]
