"""Checks that raise, hang or end their process: each is told, the others are made, and the record is what it says it is."""

import json
import os
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
from commands import command
from pydantic import TypeAdapter
from sick_checks import DIES, HANGS, MISSING, RAISES, WELL

from seedscope.jobs.doctor import checks
from seedscope.jobs.doctor.apart import examine_apart
from seedscope.jobs.doctor.examine import examine
from seedscope.jobs.doctor.finding import ok
from seedscope.jobs.doctor.report import Report
from seedscope.jobs.doctor.site import Site


def test_every_file_of_checks_is_made() -> None:
    files = {file.stem for file in Path(checks.__file__).parent.glob("[a-z]*.py")}
    assert files == {check.module.rpartition(".")[2] for check in checks.CHECKS}
    assert all(callable(import_module(check.module).check) for check in checks.CHECKS)


def test_a_check_that_raises_is_told_as_such(tmp_path: Path) -> None:
    before, told = examine(RAISES, Site(tmp_path, tmp_path)).findings
    assert before == ok("before", "it was well")
    assert told.verdict == "problem" and told.found == "this check failed with ArithmeticError: one and one"
    assert "raises.py" in str(told.facts["traceback"])


def test_a_check_that_cannot_be_imported_is_told_as_such(tmp_path: Path) -> None:
    (told,) = examine(MISSING, Site(tmp_path, tmp_path)).findings
    assert told.verdict == "problem" and "ModuleNotFoundError" in told.found


def test_no_mishap_ends_the_other_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", (WELL, RAISES, DIES, HANGS))
    done = command("doctor", "--out", tmp_path / "runs", "--json", tmp_path / "doctor.json")
    assert done.returncode == 1
    for line in (
        "ok         well ",
        "ok         before ",
        "problem    raises                    this check failed with ArithmeticError",
        "ok         alive ",
        "problem    dies                      the process of this check was ended by SIGKILL",
        "last words",
        "ok         begun ",
        "note       hangs                     stopped after 2 seconds",
        "2 problem, 2 note, 4 ok, in ",
    ):
        assert line in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines() if not line.startswith("wrote"))
    record = json.loads((tmp_path / "doctor.json").read_bytes())
    jsonschema.validate(record, TypeAdapter(Report).json_schema())
    assert record["format"] == "seedscope-doctor/1" and record["verdict"] == "problem"
    assert record["counts"] == {"problem": 2, "note": 2, "ok": 4, "not tried": 0}
    assert [check["name"] for check in record["checks"]] == ["well", "raises", "dies", "hangs"]
    assert 0 < record["checks"][0]["findings"][0]["facts"]["seconds"] <= 2
    assert not (tmp_path / "runs").exists(), "a run folder is tried, not made"


def test_notes_alone_are_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", (WELL,))
    assert command("doctor").returncode == 0


def test_what_has_no_time_left_is_not_tried(tmp_path: Path) -> None:
    (checked,) = examine_apart([WELL], Site(tmp_path, tmp_path), 0)
    assert [finding.verdict for finding in checked.findings] == ["not tried"]
    assert "--seconds" in checked.findings[0].remedy


def test_a_record_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", ())
    (tmp_path / "file").touch()
    done = command("doctor", "--json", tmp_path / "file" / "doctor.json")
    assert done.returncode == 2 and "seedscope: " in done.stderr and os.linesep in done.stderr
