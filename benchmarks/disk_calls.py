"""The calls by which a process changes a disk, counted as they come: to be killed at one of them, or to be looked at.

What Python itself does is seen: `os.link`, `fsync`, `replace`, `rename`, `unlink`, `mkdir`, `rmdir`, opening a file to write,
the exchange of two folders, and Parquet files, which Arrow writes.
"""

import builtins
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from seedscope.analysis.report import whole

NAMES = ("link", "fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir")


class DiskCalls:
    """Counts the calls of this process from `watch` on, and calls back before each, and in the middle of what is written.

    Args:
        folder: only what changes something below it counts.
        before: called with (number from 1, what is called, path) before a call.
        halfway: as `before`, when half of a file is written, which is a call of its own.
    """

    def __init__(
        self,
        folder: Path,
        before: Callable[[int, str, str], object],
        halfway: Callable[[int, str, str], object] | None = None,
    ) -> None:
        self.count = 0
        self._inside = f"{folder.resolve()}/"
        self._before, self._halfway = before, halfway or before

    def watch(self) -> None:
        """From now on, until the process ends: it is meant for one that was forked for it."""
        for name in NAMES:
            setattr(os, name, self._called(name, getattr(os, name)))
        whole.exchange = self._called("exchange", whole.exchange)  # type: ignore[attr-defined]
        pq.ParquetWriter.__init__ = self._begun(pq.ParquetWriter.__init__)
        pq.ParquetWriter.close = self._closed(pq.ParquetWriter.close)
        io.open = self._opened(io.open)  # type: ignore[assignment]  # what Path.open and its kin call
        builtins.open = io.open

    def _counts(self, path: str) -> bool:
        return f"{os.path.realpath(path)}/".startswith(self._inside)

    def _next(self, call: Callable[[int, str, str], object], name: str, path: str) -> None:
        self.count += 1
        call(self.count, name, path)

    def _called(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            path = _path(arguments[0], options.get("dir_fd"))
            if self._counts(os.path.dirname(path)):  # noqa: PTH120  (a link counts by where it lies)
                self._next(self._before, name, path)
            return real(*arguments, **options)

        return called

    def _begun(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Called as a Parquet file is begun."""

        def begun(writer: pq.ParquetWriter, where: Any, *arguments: Any, **options: Any) -> None:
            if self._is_ours(where):
                self._next(self._before, "write Parquet", str(where))
            real(writer, where, *arguments, **options)

        return begun

    def _closed(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Called as a Parquet file is whole, which then is half of it for a moment."""

        def closed(writer: pq.ParquetWriter) -> None:
            was_open = writer.is_open
            real(writer)
            if was_open and self._is_ours(where := writer.where):
                content = Path(where).read_bytes()
                os.truncate(where, len(content) // 2)
                self._next(self._halfway, "half a Parquet", str(where))
                with io.FileIO(str(where), "r+") as file:
                    file.write(content)

        return closed

    def _is_ours(self, where: Any) -> bool:
        return isinstance(where, (str, Path)) and self._counts(str(where))

    def _opened(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            counts = not isinstance(file, int) and set(mode) & set("wax") and self._counts(os.fsdecode(file))
            if counts:
                self._next(self._before, "open", os.fsdecode(file))
            found = real(file, mode, *arguments, **options)
            if counts:
                self._next(_Half(found, mode, self._halfway), "half a file", os.fsdecode(file))
            return found

        return opened


class _Half:
    """Has something in the file when it calls back, and nothing afterwards."""

    def __init__(self, file: Any, mode: str, call: Callable[[int, str, str], object]) -> None:
        self._file, self._mode, self._call = file, mode, call

    def __call__(self, number: int, name: str, path: str) -> None:
        at = self._file.tell() if "a" in self._mode else 0
        self._file.write(b"half" if "b" in self._mode else "half")
        self._file.flush()
        self._call(number, name, path)
        self._file.seek(at)
        self._file.truncate()


def _path(given: Any, folder: int | None) -> str:
    """The path of a file that is named by a path or a handle."""
    if isinstance(given, int):
        return str(Path(f"/proc/self/fd/{given}").readlink())
    path = os.fsdecode(given)
    return path if folder is None else str(Path(f"/proc/self/fd/{folder}").readlink() / path)


def killed_at(number: int) -> Callable[[int, str, str], None]:
    """A callback that ends the process at a call, as `kill -9` does."""

    def before(count: int, _name: str, _path: str) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return before
