"""Runs made to their end in this process, by the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from seedscope.jobs.cli import app


def command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    return done.output


def made(folder: Path, study: dict[str, Any]) -> Path:
    """The study file of a finished run in the folder `run` beside it."""
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(study))
    command("run", file, "--out", folder / "run", "--executor", "inline", "--threads", "1")
    return file
