"""What failed is made again, and nothing else; of a sweep that has decided by it, it stays."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import played_sweep
import pyarrow as pa
import pytest
from commands import command

from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import Run
from seedscope.pipeline.study.plan import Unit

Write = Callable[..., Path]
HERE = ("--executor", "inline", "--threads", "1")


def told(*words: object) -> str:
    done = command(*words, *HERE)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def study(write_study: Write) -> Path:
    return write_study(
        sampling={"steps": 1},
        features=["looks", {"clip_score": {"model": "sprout-clip"}}],
        ranking={"by": "clip_score"},
    )


def failed_at(run: Run, unit: Unit, prompt_id: str) -> pa.Table:
    """The rows of a unit, of which those of one prompt failed."""
    rows = run.images.read(unit.name).to_pylist()
    for row in rows:
        if row["prompt_id"] == prompt_id:
            row |= {"image": None, "status": "failed", "error": "out of memory"}
    return pa.Table.from_pylist(rows, schema=run.images.schema)


def test_what_failed_is_drawn_and_measured_and_the_rest_stays(study: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    steps = json.loads(told("generate", study, "--out", out, "--json"))
    assert [(step["name"], step["units"], step["made"], step["failed_cells"]) for step in steps] == [
        ("images", 4, 4, 0)
    ]
    run = run_of(study, out)
    unit, *others = run.units
    whole = run.images.read(unit.name)
    rows = failed_at(run, unit, next(iter(unit.cells))[0].id)
    run.images.revoke(unit.name)
    run.images.publish(unit, rows, {})
    before = {other.name: run.images.receipt(other.name) for other in others}
    assert "2 failed rows in 1 units are made again" in told("retry", study, "--out", out)
    assert run.images.read(unit.name).equals(whole), "as if nothing had failed"
    assert {other.name: run.images.receipt(other.name) for other in others} == before
    assert all(item.table.committed() == {unit.name for unit in run.units} for item in run.measures)

    assert "Nothing failed." in told("retry", study, "--out", out)


def test_measurements_of_pictures_that_failed_go_with_them(study: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    told("generate", study, "--out", out)
    run = run_of(study, out)
    unit = run.units[0]
    rows = failed_at(run, unit, next(iter(unit.cells))[0].id)
    run.images.revoke(unit.name)
    run.images.publish(unit, rows, {})
    told("features", study, "--out", out)
    assert {item.table.receipt(unit.name).failed for item in run.measures} == {2}
    told("retry", study, "--out", out)
    assert {item.table.receipt(unit.name).failed for item in run.measures} == {0}


def test_a_sweep_that_has_decided_by_what_failed_stays(tmp_path: Path) -> None:
    path, out = played_sweep.study(tmp_path), tmp_path / "run"
    grey = np.zeros((8, 8, 3), np.uint8)
    played_sweep.played(
        played_sweep.opened(path, out), lambda _, seed: float(seed), lambda _, seed: None if seed == 3 else grey
    )
    refused = command("retry", path, "--out", out, *HERE)
    assert refused.returncode == 2 and "rounds were decided" in refused.stderr and "--out" in refused.stderr


def test_of_a_sweep_without_failures_nothing_is_said_but_that(tmp_path: Path) -> None:
    path, out = played_sweep.study(tmp_path), tmp_path / "run"
    played_sweep.played(played_sweep.opened(path, out), lambda prompt, seed: float(seed))
    assert "Nothing failed." in told("retry", path, "--out", out)
