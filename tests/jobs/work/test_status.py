"""How far a run is, read while it goes on: what a person sees, what a program reads, and when watching ends."""

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest
import yaml
from forks import Forked, seedscope
from waiting import GENEROUS, until

from seedscope.analysis.run.opened import begun, run_of
from seedscope.jobs.cli import main
from seedscope.jobs.commands import status
from seedscope.jobs.commands.status import describe, summary
from seedscope.jobs.work.standing import NAMED, RunStatus, TableStatus, WorkerStatus, standing
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.study.plan import Cell

COUNT = {"type": "integer", "minimum": 0}
SECONDS = {"type": ["number", "null"], "minimum": 0}


def closed(**properties: object) -> dict[str, object]:
    """The JSON schema of an object with these keys and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT = {"type": "string"}
COUNTS = dict.fromkeys(("units", "units_done", "cells", "cells_done", "cells_failed", "units_given_up", "bytes"), COUNT)
TABLE = closed(stage=TEXT, table=TEXT, **COUNTS, rate=SECONDS, seconds_left=SECONDS)
SCHEMA = closed(
    study=TEXT,
    folder=TEXT,
    driver={"type": ["string", "null"]},
    tables={"type": "array", "items": TABLE, "minItems": 1},
    workers={"type": "array", "items": closed(stage=TEXT, worker=TEXT, rate=SECONDS)},
    failed={"type": "array", "items": closed(table=TEXT, prompt=TEXT, seed={"type": "integer"}, error=TEXT)},
    given_up={"type": "array", "items": closed(table=TEXT, unit=TEXT, reason=TEXT)},
    finished={"type": "boolean"},
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of 3 units that ranks by a score, so that no reference pictures are measured."""
    written = {
        "name": "small",
        "model": "sprout",
        "sampling": {"steps": 1},
        "compute": {"batch_size": 4, "device": "cpu"},
        "prompts": ["a red apple", "a cat on grass"],
        "seeds": "0-5",
        "unit": {"prompts": 2, "seeds": 2},
        "features": [{"clip_score": {"model": "sprout-clip"}}, "looks"],
        "ranking": {"by": "clip_score", "rule": "top", "golden": 2},
    }
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    return path


def command(*arguments: str | Path, columns: int = 100, code: int = 0) -> str:
    """Run seedscope in this process; what it printed."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setattr(sys, "argv", ["seedscope", *map(str, arguments)])
        patch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code, out.getvalue()
    return out.getvalue()


def make(step: str, study: Path, out: Path, *more: str) -> None:
    command(step, study, "--out", out, "--executor", "inline", "--threads", "1", *more)


def shown(study: Path, out: Path) -> dict[str, object]:
    """The JSON of a run's status, checked against its schema."""
    found = json.loads(command("status", study, "--out", out, "--json"))
    jsonschema.validate(found, SCHEMA)
    assert isinstance(found, dict)
    return found


@contextmanager
def started(log: Path, *arguments: str | Path) -> Iterator[Forked]:
    """seedscope in a process of its own, from the moment when it has printed a line."""
    process = seedscope(log, *arguments)
    try:
        until(lambda: b"\n" in log.read_bytes(), "a line is printed")
        yield process
    finally:
        process.kill()
        process.wait()


# --- once


def test_the_status_of_a_run_from_before_it_begins_to_its_end(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    before = shown(study, out)
    images, score, looks = before["tables"]
    assert (images["units"], images["units_done"], images["cells"], images["bytes"]) == (3, 0, 12, 0)
    assert before["workers"] == [] and before["driver"] is None and not before["finished"] and not out.exists()

    make("generate", study, out, "--limit", "1")
    begun = shown(study, out)
    images, score, looks = begun["tables"]
    assert (images["units_done"], images["cells_done"]) == (1, 4) and score["units_done"] == 0
    assert images["rate"] > 0 and images["seconds_left"] == pytest.approx(8 / images["rate"])
    (worker,) = begun["workers"]
    assert worker["stage"] == "images" and worker["worker"].endswith(f":{os.getpid()}")
    assert worker["rate"] == pytest.approx(images["rate"])

    make("generate", study, out)
    make("features", study, out, "--only", "looks")
    images, score, looks = shown(study, out)["tables"]
    assert images["units_done"] == looks["units_done"] == 3 and score["units_done"] == 0
    assert images["rate"] is None and looks["bytes"] > 0

    make("features", study, out)
    done = shown(study, out)
    assert done["finished"] and {table["cells_done"] for table in done["tables"]} == {12}
    assert {worker["stage"] for worker in done["workers"]} == {"images", "features"} and done["failed"] == []
    for table in done["tables"]:  # a person copies the name of a table, on however narrow a terminal
        assert table["table"] in command("status", study, "--out", out, columns=30).splitlines()


def test_failed_cells_are_named(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    job = begun(run_of(study, out))
    for unit in job.units:
        keys = [{"prompt_id": item.id, "prompt": item.text, "seed": seed} for item, seed in unit.cells]
        rows = [key | {"image": None, "status": "failed", "error": "[no] picture"} for key in keys]
        job.images.publish(unit, pa.Table.from_pylist(rows, schema=job.images.schema), {})
    found = shown(study, out)
    assert found["tables"][0]["cells_failed"] == 12 and len(found["failed"]) == NAMED
    assert found["failed"][1] == {
        "table": job.images.name,
        "prompt": "a cat on grass",
        "seed": 0,
        "error": "[no] picture",
    }
    assert found["workers"] == [] and found["tables"][0]["rate"] is None  # receipts that say no time
    assert "'a cat on grass' with seed 0: [no] picture" in command("status", study, "--out", out)


def test_units_that_were_given_up_are_named_until_they_are_made(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, draw = tmp_path / "run", Drawing.draw

    def broken(self: Drawing, cells: list[Cell]) -> object:
        if any(seed == 2 for _, seed in cells):
            raise RuntimeError("[it] broke")
        return draw(self, cells)

    monkeypatch.setattr(Drawing, "draw", broken)
    step = ("run", study, "--out", out, "--executor", "inline", "--threads", "1")
    command(*step, code=2)
    unit, complaint = run_of(study, out).units[1].name, capsys.readouterr().err
    assert f"failed three times: images {unit}: RuntimeError: [it] broke" in complaint
    assert "1 units could not be made" in complaint
    found = shown(study, out)
    images, score, looks = found["tables"]
    assert (images["units_done"], images["units_given_up"]) == (2, 1) and score["units_done"] == looks[
        "units_done"
    ] == 2
    assert found["given_up"] == [{"table": images["table"], "unit": unit, "reason": "RuntimeError: [it] broke"}]
    watched = command("status", study, "--out", out, "--watch")  # comes to its end
    assert "1 units given up" in watched
    assert (
        f"  {images['table']}: {unit}: RuntimeError: [it] broke" in command("status", study, "--out", out).splitlines()
    )

    monkeypatch.undo()
    command(*step)
    done = shown(study, out)
    assert done["finished"] and done["given_up"] == [] and done["tables"][0]["units_given_up"] == 0


def test_who_works_on_a_run_is_told(study: Path, tmp_path: Path) -> None:
    job = run_of(study, tmp_path / "run")
    assert standing(job).driver is None
    with job.folder.locked():
        driver = standing(job).driver
        assert driver is not None and str(os.getpid()) in driver
        assert f"{driver} works on it." in command("status", study, "--out", tmp_path / "run")
        assert standing(job).driver == driver  # asking takes nothing away
    assert standing(job).driver is None
    assert "Nobody works on it." in command("status", study, "--out", tmp_path / "run")


def test_a_long_run_in_words() -> None:
    table = TableStatus("images", "images-0", 112_000, 24, 46_104_576, 12_288, 3, 2, 77_500_000, 12.25, 3_762_635.8)
    found = RunStatus("big", "s3://bucket/big", "node-1, process 7", [table], [WorkerStatus("images", "b:8", 0.25)])
    assert describe(found) == [
        "big in s3://bucket/big",
        "node-1, process 7 works on it.",
        "images-0",
        "  images: 24 of 112,000 units, 12,288 of 46,104,576 cells, 3 failed, 77.5 MB, 2 units given up, 12.2 a second, "
        "43 d 13 h left",
        "Workers of the last minutes:",
        "  b:8  images, 15.0 a minute",
    ]
    assert summary(table).startswith("images-0: 12,288 of 46,104,576 cells, 3 failed")


# --- watched


def test_watching_ends_when_the_run_does(study: Path, tmp_path: Path) -> None:
    out, seen_in, told_in = tmp_path / "run", tmp_path / "seen", tmp_path / "told"
    with (
        started(seen_in, "status", study, "--out", out, "--watch", "--json") as watching,
        started(told_in, "run", study, "--out", out, "--executor", "inline", "--threads", "1") as run,
    ):
        assert run.wait(timeout=GENEROUS) == 0, told_in.read_text()
        assert watching.wait(timeout=GENEROUS) == 0
    seen = [json.loads(line) for line in seen_in.read_text().splitlines()]
    for found in seen:
        jsonschema.validate(found, SCHEMA)
    assert [found["finished"] for found in seen] == [False] * (len(seen) - 1) + [True]
    done = [sum(table["units_done"] for table in found["tables"]) for found in seen]
    assert done == sorted(done) and done[0] == 0 and done[-1] == 9
    assert all("process" in found["driver"] for found in seen if found["driver"])


def test_watching_in_a_log_and_on_a_terminal(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "LOG_SECONDS", 0.0)
    monkeypatch.setattr(status, "REFRESH_SECONDS", 0.0)
    out, job = tmp_path / "run", run_of(study, tmp_path / "run")
    steps = [("generate", "--limit", "1"), ("generate",), ("features",)]

    def go_on(_: float) -> None:
        step, *more = steps.pop(0)
        with redirect_stdout(io.StringIO()):
            make(step, study, out, *more)

    monkeypatch.setattr(status.time, "sleep", go_on)
    lines = command("status", study, "--out", out, "--watch").splitlines()
    name = job.images.name
    assert [line.split(" cells")[0] for line in lines if line.startswith(name)] == [
        f"{name}: {done} of 12" for done in (0, 4, 12)
    ]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "3 of 3 units" in command("status", study, "--out", out, "--watch")


def test_ctrl_c_ends_watching_without_a_word(study: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with started(seen, "status", study, "--out", tmp_path / "run", "--watch", "--json") as watching:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=GENEROUS) == 0
    assert not any(json.loads(line)["finished"] for line in seen.read_text().splitlines())
