"""Commands of programs that a test starts, run by forks of the test's process, which has torch and diffusers loaded."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACE = "SEEDSCOPE_WARM"
"""The socket where commands are taken."""


def seedscope(arguments: list[str]) -> int:
    """Ask for a command with this process's folder, environment and output; its exit code, 1 where it was killed."""
    with socket.socket(socket.AF_UNIX) as to:
        to.connect(os.environ[PLACE])
        asked = json.dumps([arguments, str(Path.cwd()), dict(os.environ)]).encode()
        socket.send_fds(to, [len(asked).to_bytes(4, "little")], [1, 2])
        to.sendall(asked)
        told = to.makefile().readline()
    return int(told or 1)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Take commands until this ends. folder: of a short name, as paths of sockets are.

    Yields:
        The socket.
    """
    from forks import Forked

    place = str(folder / "warm")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        taking = Forked(lambda: _take(listening))
        try:
            yield place
        finally:
            taking.kill()
            taking.wait()


def _take(listening: socket.socket) -> None:
    from forks import Forked

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that end
    while True:
        asking, _ = listening.accept()
        Forked(lambda asking=asking: _run(asking))  # type: ignore[misc]  # mypy knows no type of a default of lambda
        asking.close()


def _run(asking: socket.socket) -> None:
    from forks import run_seedscope

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, outputs, _, _ = socket.recv_fds(asking, 4, 2)
    arguments, folder, environment = json.loads(asking.makefile("rb").read(int.from_bytes(length, "little")))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code: int | str | None = 1
    try:
        run_seedscope(arguments, *outputs)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        asking.sendall(f"{code}\n".encode())
