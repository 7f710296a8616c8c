"""A finished run that can only be read: on an archive, or of somebody else."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import command
from finished_runs import made

from seedscope.analysis.experiments.finding import Finding, mark_of
from seedscope.analysis.run.opened import run_of

STUDY = {
    "name": "archive",
    "model": "sprout-turbo",
    "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "prompts": ["a cat", "a car"],
    "seeds": "0-2",
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score", "rule": "top", "golden": 1, "shuffles": 20, "bootstrap": 20},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file of a run, on which an experiment was made, in the folder `run` beside it."""
    file = made(tmp_path_factory.mktemp("archive"), STUDY)
    run = run_of(file, file.parent / "run")
    Finding(name="swap", title="What was found", sentences=["Nothing."], run=mark_of(run)).save(run.folder.path)
    return file


@pytest.fixture
def archived(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same where no file can be opened for writing: a test that runs as root is not kept out by permissions."""
    run = str(finished.parent / "run")

    def refusing(call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Any, *arguments: Any, **options: Any) -> Any:
            writes = call is not os.open or (arguments and arguments[0] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            if isinstance(path, str | Path) and str(path).startswith(run) and writes:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return call(path, *arguments, **options)

        return guarded

    for name in ("open", "link", "replace", "rename", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return finished


def files(run: Path) -> dict[str, tuple[int, int]]:
    found = {path.relative_to(run).as_posix(): path.stat() for path in run.rglob("*") if path.is_file()}
    return {name: (state.st_mtime_ns, state.st_size) for name, state in found.items()}


def test_it_is_looked_at_verified_and_reported_elsewhere(archived: Path, tmp_path: Path) -> None:
    run = archived.parent / "run"
    before = files(run)
    assert "All shards are whole" in command("verify", archived, "--out", run, "--deep").stdout
    for words in (["status"], ["plan"]):
        assert command(*words, archived, "--out", run).returncode == 0
    told = command("report", archived, "--out", run, "--to", tmp_path / "report")
    assert told.returncode == 0 and (tmp_path / "report" / "index.html").is_file(), told.stderr
    assert "What was found" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8"), "of experiments"
    for words in (["seeds"], ["export"], ["map"], ["report"], ["run", "--executor", "inline"]):
        told = command(words[0], archived, "--out", run, *words[1:])
        assert told.returncode == 2 and "the file system is read-only. `seedscope status`" in told.stderr
        assert "report --to ELSEWHERE" in told.stderr
    assert files(run) == before


def test_damage_is_named_and_nothing_taken_back(archived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = archived.parent / "run"
    shard = next(run.glob("images-*/*.parquet"))
    content = shard.read_bytes()
    shard.write_bytes(content[:-9])
    told = command("verify", archived, "--out", run)
    shard.write_bytes(content)
    assert told.returncode == 2 and "1 shards are damaged. Nothing was taken back" in told.stderr
    assert f"damaged: {shard}" in told.stdout and command("verify", archived, "--out", run).returncode == 0


def test_a_study_that_asks_for_more_is_refused(archived: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text(archived.read_text().replace("0-2", "0-3"))
    told = command("report", more, "--out", archived.parent / "run", "--to", tmp_path / "report")
    assert told.returncode == 2 and "cannot be written, and has not been made of these prompts and seeds" in told.stderr
    assert not (tmp_path / "report").exists()


def test_a_name_that_is_no_text_is_refused_before_any_unit_fails(finished: Path, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    for words in (["run", "--executor", "inline"], ["status"], ["plan"]):
        told = command(words[0], finished, "--out", name, *words[1:])
        assert told.returncode == 2 and r"\udcff\udcfe: the name has bytes that are no UTF-8 text" in told.stderr
    assert not list(tmp_path.iterdir())
