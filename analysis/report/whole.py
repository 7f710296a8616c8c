"""A folder that is replaced as a whole: the new content appears complete, or the old stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.storage.exchange import exchange
from seedscope.pipeline.storage.leftovers import sweep
from seedscope.pipeline.storage.local import REFUSALS

MARK = ".seedscope-report"


@contextmanager
def whole_folder(folder: Path, *, mark: str = MARK, what: str = "report", option: str = "--to") -> Iterator[Path]:
    """A new, empty folder beside `folder`, which takes its place in the end; removed if anything is raised.

    Args:
        mark: a file by which such a folder is known.
        what: it is called in messages, and `option` names it.

    A process that is killed at any moment leaves the old or the new one. On a file system that cannot exchange two folders
    in one step there may be neither for a moment; the next that comes here puts the old one back.

    Raises:
        StorageError: `folder` holds something else, or cannot be written. What goes wrong elsewhere, such as
            reading a picture, is raised as it is.
    """
    sweep(folder.parent, folder.name)
    _refuse_others(folder, mark, what)
    ending = f"{os.getpid()}.{os.urandom(4).hex()}"
    scratch, old = (folder.with_name(f".{folder.name}.{ending}.{part}") for part in ("new", "old"))
    try:
        scratch.mkdir(parents=True)
        (scratch / mark).touch()
        yield scratch
        if not folder.exists():
            scratch.rename(folder)
        elif not exchange(scratch, folder):
            folder.rename(old)
            scratch.rename(folder)
    except OSError as error:
        if not _concerns(error, folder.parent):
            raise
        reason = REFUSALS.get(error.errno or 0, error.strerror or str(error))
        raise StorageError(
            f"{folder}: the {what} cannot be written: {reason}. Make room, or name another folder with {option}, and run the "
            f"same command again; a former {what} is as it was."
        ) from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (scratch, old):
            shutil.rmtree(left, ignore_errors=True)


def _concerns(error: OSError, folder: Path) -> bool:
    """Whether what went wrong did so in a folder, or nobody knows where; a copy that fails names both of its ends."""
    named = [
        Path(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes, Path))
    ]
    return not named or any(name.is_relative_to(folder) for name in named)


def _refuse_others(folder: Path, mark: str, what: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder}: a file is in the way; name another folder for the {what}.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).exists():
        raise StorageError(f"{folder}: holds files that are no {what}; name another folder, or an empty one.")
