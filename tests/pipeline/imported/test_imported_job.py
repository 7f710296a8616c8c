"""Imported pictures go through the commands of a study: measured, ranked, shown; a hole leaves out its prompt."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import command

from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import BroughtInRun, DrawnRun
from seedscope.pipeline.errors import StudyError, UserError


def test_imported_pictures_are_measured_ranked_and_shown(imported: Path) -> None:
    done = command("run", imported, "--executor", "inline", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "images: 1 units, 0 made now" in done.stdout and "1 prompts were left out" in done.stdout
    seeds = pq.read_table(imported.parent / "seeds.parquet")
    assert sorted(seeds["seed"].to_pylist()) == [0, 100, 200] and set(seeds["n"].to_pylist()) == {3}
    assert (imported.parent / "contact_sheet.png").exists() and not (imported.parent / "golden.json").exists()
    images, *_ = json.loads(command("status", imported, "--json").stdout)["tables"]
    assert (images["cells"], images["cells_done"]) == (11, 11)
    assert command("verify", imported, "--deep").returncode == 0
    for name in ("plan", "bench", "audit"):
        assert "its pictures were imported" in command(name, imported).stderr


def test_pictures_that_are_not_there_are_asked_for(imported: Path) -> None:
    next(imported.parent.glob("receipts/images-*/*.json")).unlink()
    done = command("generate", imported)
    assert done.returncode == 2 and "1 of 1 units have no pictures" in done.stderr
    assert f"seedscope import {imported.parent.parent / 'pictures'} --out {imported.parent}" in done.stderr


def test_study_files_of_both_kinds(imported: Path, tmp_path: Path) -> None:
    assert isinstance(run_of(imported), BroughtInRun)
    assert isinstance(run_of(Path("configs/demo.yaml"), tmp_path / "demo"), DrawnRun)
    imported.write_text(imported.read_text() + "sampling: {steps: 3}\n")
    with pytest.raises(StudyError, match="sampling: unknown key"):
        run_of(imported)
    (tmp_path / "alone.yaml").write_text("{name: alone, imported: pictures}")
    with pytest.raises(UserError, match="nothing has been imported here yet"):
        run_of(tmp_path / "alone.yaml")
