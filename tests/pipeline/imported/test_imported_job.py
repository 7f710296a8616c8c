"""Imported pictures go through the commands of a study: measured, ranked, shown; a hole leaves out its prompt."""

import json
from pathlib import Path

import foreign_pictures as foreign
import pyarrow.parquet as pq
import pytest
import yaml
from test_cli import command, small_reference

from seedscope.analysis.features.real_images import RealImages
from seedscope.jobs.job import DrawnJob, ImportedJob, open_job
from seedscope.pipeline.errors import StudyError, UserError
from seedscope.pipeline.images import decode


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """The study file of a run of 4 prompts x 3 seeds of real pictures, of which one cell has none."""
    source = RealImages.named("sprout")
    real = source.read(source.units()[0])["image"].to_pylist()
    for number in range(12):
        if number != 7:
            text = foreign.infotext(f"prompt {number // 3}", number % 3 * 100, "", Size="64x64")
            pixels = decode(real[number]["bytes"])
            foreign.png(tmp_path / "pictures" / f"{number}.png", {"parameters": text}, pixels)
    done = command("import", tmp_path / "pictures", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    path = tmp_path / "run" / "study.yaml"
    study = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(study | {"reference": str(small_reference(tmp_path)), "ranking": {"shuffles": 0}}))
    return path


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
    next(imported.parent.glob("images-*/receipts/*.json")).unlink()
    done = command("generate", imported)
    assert done.returncode == 2 and "1 of 1 units have no pictures" in done.stderr
    assert f"seedscope import {imported.parent.parent / 'pictures'} --out {imported.parent}" in done.stderr


def test_study_files_of_both_kinds(imported: Path, tmp_path: Path) -> None:
    assert isinstance(open_job(imported), ImportedJob)
    assert isinstance(open_job(Path("configs/demo.yaml"), tmp_path / "demo"), DrawnJob)
    imported.write_text(imported.read_text() + "sampling: {steps: 3}\n")
    with pytest.raises(StudyError, match="sampling: unknown key"):
        open_job(imported)
    (tmp_path / "alone.yaml").write_text("{name: alone, imported: pictures}")
    with pytest.raises(UserError, match="nothing has been imported here yet"):
        open_job(tmp_path / "alone.yaml")
