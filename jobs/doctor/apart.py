"""Checks made in a process of their own: one that hangs is stopped, one that ends its process is told, the next one is made."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from seedscope.jobs.doctor.examine import Check, Checked, findings_of
from seedscope.jobs.doctor.finding import Finding, not_tried, note, problem
from seedscope.jobs.doctor.site import Site

START_SECONDS = 120.0
"""For a process to start, on a machine that is busy or reads its libraries from afar."""
LAST_WORDS = 300


class Child:
    """A Python process that runs `MODULE:FUNCTION` with its end of a pipe, and `log` for all that it prints."""

    def __init__(self, function: str, log: Path) -> None:
        module, _, name = function.partition(":")
        self.pipe, theirs = Pipe()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from multiprocessing.connection import Connection; "
            f"from {module} import {name}; {name}(Connection({theirs.fileno()}))"
        )
        self._log = log
        with log.open("wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        theirs.close()

    def receive(self, seconds: float) -> object:
        """What it sends next.

        Raises:
            TimeoutError: nothing came in so many seconds.
            EOFError: its process has ended.
        """
        if not self.pipe.poll(max(0.0, seconds)):
            raise TimeoutError
        try:
            return self.pipe.recv()
        except ConnectionError as error:
            raise EOFError from error

    def how_it_ended(self) -> str:
        """A clause: by which signal or with which code, and the last that it printed."""
        code = self._process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        printed = " ".join(self._log.read_text(encoding="utf-8", errors="replace").split())
        return f"{how}{f', after printing: ...{printed[-LAST_WORDS:]}' if printed else ''}"

    def kill(self) -> None:
        """End it, and the processes that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.pipe.close()


@contextmanager
def child(function: str, log: Path) -> Iterator[Child]:
    """A `Child` that is ended at the end of the block."""
    made = Child(function, log)
    try:
        yield made
    finally:
        made.kill()


def examine_apart(
    checks: Sequence[Check], site: Site, seconds: float, begin: Callable[[Check], object] = str
) -> Iterator[Checked]:
    """Make checks, one after the other, in a process of their own; a new one takes over from one that hangs or dies.

    Args:
        seconds: for all of them; those for which nothing is left are not tried.
        begin: is told of each check before it is made.
    """
    examiner = _Examiner(site)
    until = time.monotonic() + seconds
    try:
        for check in checks:
            begin(check)
            left = until - time.monotonic()
            yield examiner.examine(check, min(check.seconds, left)) if left > 0 else _too_late(check, seconds)
    finally:
        examiner.close()


def _too_late(check: Check, seconds: float) -> Checked:
    finding = not_tried(check.name, f"the {seconds:g} seconds were over before its turn", "Give more: --seconds.")
    return Checked(check.name, 0.0, [finding])


class _Examiner:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._child: Child | None = None

    def examine(self, check: Check, limit: float) -> Checked:
        began, findings = time.monotonic(), list[Finding]()
        try:
            worker = self._started()
            began = time.monotonic()
            worker.pipe.send((check, replace(self._site, seconds=limit)))
            while isinstance(finding := worker.receive(began + limit - time.monotonic()), Finding):
                findings.append(finding)
        except TimeoutError:
            findings.append(_stopped(check, time.monotonic() - began))
            self.close()
        except (EOFError, BrokenPipeError):
            findings.append(_died(check, self._child.how_it_ended() if self._child else "ended"))
            self.close()
        return Checked(check.name, round(time.monotonic() - began, 3), findings)

    def _started(self) -> Child:
        if self._child is None:
            self._child = Child("seedscope.jobs.doctor.apart:serve", self._site.scratch / "printed")
            self._child.receive(START_SECONDS)
        return self._child

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


def _stopped(check: Check, seconds: float) -> Finding:
    return note(
        check.name,
        f"stopped after {seconds:.0f} seconds: it hangs, or this machine is slow or busy",
        "Try again when the machine is quiet, or with more --seconds.",
    )


def _died(check: Check, how: str) -> Finding:
    return problem(
        check.name,
        f"the process of this check {how}",
        "Install torch again for this machine (https://pytorch.org/get-started), and see whether its memory suffices.",
    )


def serve(pipe: Connection) -> None:
    """Make the checks that come through a pipe as (Check, Site), until its other end is closed."""
    pipe.send("ready")
    with suppress(EOFError, BrokenPipeError):
        while True:
            for finding in findings_of(*pipe.recv()):
                pipe.send(finding)
            pipe.send(None)
