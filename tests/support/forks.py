"""Something that is done in a process forked from this one, which may be killed on its way.

seedscope in such a process is what it is in one of its own, but for the seconds in which torch and diffusers are loaded,
where this one has done the same before.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path


def forked(work: Callable[[], object]) -> int:
    """Do it there; its exit code: 0, 1 where it raised, or negative where it was killed."""
    return Forked(work).wait()


class Forked:
    """A process that does something and ends; as of `subprocess.Popen`, it is told a signal, and waited for."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid:
            return
        code: int | str | None = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:  # noqa: BLE001  (a forked process must not go on as its parent)
            traceback.print_exc()
        finally:
            os._exit(int(code or 0))

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutError, after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self._ended(0 if deadline is None else os.WNOHANG)) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} goes on")
            time.sleep(0.01)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, how: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def seedscope(log: Path, *arguments: str | Path, limit: int | None = None) -> Forked:
    """Begin a command; what it prints is added to a file. limit: the bytes that files which it writes may have."""

    with log.open("ab") as file:

        def work() -> None:
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            run_seedscope(list(map(str, arguments)), file.fileno(), file.fileno())

        return Forked(work)


def run_seedscope(arguments: list[str], out: int, err: int) -> None:
    """Run a command in this process, whose output goes to open files from now on; ends in SystemExit."""
    from seedscope.jobs.cli import main

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.environ["COLUMNS"] = "100"
    sys.argv = ["seedscope", *arguments]
    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
