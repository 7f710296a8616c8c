"""The program's end: everything is written and finished, its code is told, and no thread of a library turns it over."""

import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from repository import ROOT

LATE_THREAD = """
    import io, threading, time
    import pyarrow as pa, pyarrow.parquet as pq

    class Slow(io.BytesIO):
        slow, begun = False, threading.Event()

        def read(self, *size):
            while self.slow:
                self.begun.set()
                time.sleep(0.001)
            return super().read(*size)

    written = io.BytesIO()
    pq.write_table(pa.table({"seed": range(1000)}), written)
    source = Slow(written.getvalue())
    file = pq.ParquetFile(source, pre_buffer=True)
    source.slow = True
    threading.Thread(target=lambda: next(file.iter_batches()), daemon=True).start()
    source.begun.wait()
"""
"""Arrow reads from a file of Python's while the program ends."""


STUB = "import sys, types\ncli = sys.modules['seedscope.jobs.cli'] = types.ModuleType('cli')\n"
"""In the place of the command line, which takes a second to import."""


def ended(body: str, program: str = "from seedscope.__main__ import program; program()") -> tuple[int, str, str]:
    """Exit code, output and complaints of the program, where the command line is this body."""
    command = textwrap.dedent(body).strip().replace("\n", "\n    ")
    script = f"{STUB}def main():\n    {command}\ncli.main = main\n{program}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def test_a_thread_of_arrow_that_is_late_does_not_abort_it() -> None:
    assert ended(LATE_THREAD) == (0, "", "")
    if sys.version_info < (3, 14):  # from then on such a thread sleeps for ever
        assert ended(LATE_THREAD, "main()")[0] == -6


@pytest.mark.parametrize(
    ("body", "code", "complaint"),
    [
        ("pass", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(0)", 0, ""),
        ("raise SystemExit(2)", 2, ""),
        ("raise SystemExit(130)", 130, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
    ],
)
def test_its_code_is_that_of_its_command(body: str, code: int, complaint: str) -> None:
    found, _, told = ended(body)
    assert found == code and complaint in told and bool(told) == bool(complaint)


def test_what_is_printed_registered_and_temporary_is_finished_first(tmp_path: Path) -> None:
    left = ended(f"""
        import atexit, tempfile, threading, time
        kept = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})
        atexit.register(print, "registered")
        threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
        print("printed", end=" ")
    """)
    assert left == (0, "printed thread\nregistered\n", "")
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_gone_is_told_as_python_tells_it() -> None:
    script = f"{STUB}cli.main = lambda: print('x' * 10)\n"
    script += "from seedscope.__main__ import program; program()"
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=buffered) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(300) == 120


def test_it_is_the_command_and_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"seedscope": "seedscope.__main__:program"}
    done = subprocess.run([sys.executable, "-m", "seedscope", "--help"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "seedscope" in done.stdout


def test_its_former_name_does_the_same() -> None:
    line = [sys.executable, "-m", "seedscope.jobs.cli", "run", "missing.yaml"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "missing.yaml" in done.stderr
