"""What is wrong with how a parser of foreign files takes an input."""

import resource
import signal
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from foreign_files import Parser
from forks import forked

SECONDS, BYTES = 5, 2**30


def fault(parser: Parser, content: bytes, folder: Path) -> str | None:
    """What it raised, or the memory it took; None where nothing is wrong."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        parser.read(content, folder)
    except Exception as error:  # noqa: BLE001  (any of them is what is looked for)
        return f"{type(error).__name__}: {error} at {traceback.extract_tb(error.__traceback__)[-1]}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return f"took {grown / 2**20:,.0f} MiB" if grown > BYTES else None


def faults_apart(
    parser: Parser, contents: Sequence[bytes], folder: Path, seconds: float = SECONDS
) -> Iterator[tuple[bytes, str]]:
    """The inputs with which something is wrong, and what. They are read in a process of its own, which may die of one.

    Args:
        seconds: that an input has.
    """
    told, left = folder / "told", list(contents)
    while left:
        died = forked(partial(_read_all, parser, left, folder, told, seconds))
        found = told.read_text().split("\0")[:-1]
        if died:
            late = died == -signal.SIGALRM
            found.append(f"took more than {seconds} seconds" if late else f"ended its process ({died})")
        yield from ((content, wrong) for content, wrong in zip(left, found, strict=False) if wrong)
        left = left[len(found) :]


def _read_all(parser: Parser, contents: Sequence[bytes], folder: Path, told: Path, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # C++ that hangs would not come back for Python's
    with told.open("w") as file:
        for content in contents:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            file.write(f"{fault(parser, content, folder) or ''}\0")
            file.flush()
