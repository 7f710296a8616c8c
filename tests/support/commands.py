"""Commands run in tests: in this process, or in one of their own."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from repository import SPROUT

from seedscope.jobs.cli import main


@dataclass
class Done:
    """What a command printed and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: str | Path, columns: int = 100) -> Done:
    """Run seedscope in this process, which has torch loaded, through the entry point that a person starts.

    columns: width of the terminal.
    """
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["seedscope", *map(str, arguments)])
        patch.setenv("COLUMNS", str(columns))
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def process(*arguments: str | Path) -> Done:
    """Run seedscope in a process of its own; never a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "seedscope", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def small_reference(folder: Path) -> Path:
    """The first pictures of the bundled reference, as a file of its own."""
    whole = SPROUT / "reference" / "reference.parquet"
    pq.write_table(pq.ParquetFile(whole).read_row_group(0).slice(0, 40), folder / "real.parquet")
    return folder / "real.parquet"
