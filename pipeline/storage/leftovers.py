"""Temporaries whose maker was killed: hidden files and folders `.NAME.PID.HEX`, of reports `.NAME.PID.HEX.new` and `.old`."""

import os
import re
import shutil
from pathlib import Path

_LEFT = re.compile(r"\.(?P<name>.+)\.(?P<maker>\d+)\.[0-9a-f]{8}(?P<part>\.new|\.old)?")


def sweep(folder: Path, name: str = "") -> None:
    """Remove from a folder what dead makers left, whatever it was to become, or only what was to become `name`.

    What was there under a name before, and was put aside without anything new in its place, is put back. For the process
    alone that holds the run. A maker that lives on this machine keeps what it has.
    """
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        found = [(entry.path, match) for entry in entries if (match := _LEFT.fullmatch(entry.name))]
    for path, match in found:
        if name in ("", match["name"]) and not _lives(int(match["maker"])):
            _clear(Path(path), folder / match["name"], match["part"])


def sweep_run(folder: Path) -> None:
    """As `sweep`, in a run folder and those of its tables, of their receipts, and of what is made from them."""
    sweep(folder)
    for part in _folders(folder):
        sweep(part)
        for each in _folders(part) if part.name == "receipts" else [part / "receipts"]:
            sweep(each)
            sweep(each / "given-up")
        sweep(part / "given-up")  # there and in `receipts` of a table earlier versions wrote


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]


def _clear(left: Path, place: Path, part: str | None) -> None:
    if part == ".old" and not place.exists():
        left.rename(place)
    elif left.is_dir() and not left.is_symlink():
        shutil.rmtree(left)
    else:
        left.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()
