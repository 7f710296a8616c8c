"""A run folder on this machine, or on a file system that it has mounted."""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedscope.pipeline.errors import ReadOnly, RunBusy, StorageError
from seedscope.pipeline.storage.base import READ_ONLY, Entry, Held, together

if TYPE_CHECKING:
    import pyarrow as pa  # golden lists, which are files too, do without it

SCRATCH = ".scratch"
LOCK = ".lock"
REFUSALS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file size limit is reached",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing is not permitted",
    errno.EPERM: "writing is not permitted",
    errno.ENOTDIR: "a file is in the way of a folder",
}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
"""By these, file systems say that they have no hard links."""
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
"""By these, some network file systems say that they do not sync folders."""


@dataclass(frozen=True)
class LocalStorage:
    """Files are created by `os.link`, which the first caller wins, and synced before they count.

    Where there are no hard links (exFAT, some network shares), they are renamed while their folder is locked.
    """

    local: Path

    @property
    def url(self) -> str:
        return str(self.local)

    @property
    def conditional(self) -> bool:
        return True

    def inside(self, folder: str) -> "LocalStorage":
        return LocalStorage(self.local / folder)

    def beside(self, folder: str) -> "LocalStorage":
        return LocalStorage(self.local.parent / folder)

    def folders(self) -> set[str]:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.local) as items:
            return {item.name for item in items if item.is_dir()}
        return set()

    def entries(self, folder: str = "") -> Mapping[str, Entry]:
        found: dict[str, Entry] = {}
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.local / folder) as items:
            for item in items:
                try:
                    state = item.stat()
                except FileNotFoundError:  # taken away meanwhile
                    continue
                if stat.S_ISREG(state.st_mode):
                    found[item.name] = Entry(state.st_size, f"{state.st_mtime_ns}-{state.st_ino}-{state.st_size}")
        return found

    def names(self, folder: str = "") -> set[str]:
        found: set[str] = set()
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.local / folder) as items:
            found = {item.name for item in items}
        return found

    def size(self, name: str) -> int | None:
        try:
            return (self.local / name).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes:
        with open(f"{self.local}/{name}", "rb") as file:  # noqa: PTH123  (a Path takes as long as the reading)
            return file.read()

    def open(self, name: str) -> "pa.NativeFile":
        import pyarrow as pa

        return pa.OSFile(str(self.local / name))

    def create(self, name: str, content: bytes) -> None:
        create(self.local / name, content)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        with refusals(self.local):
            make_folder(self.local / SCRATCH)
            path = self.local / SCRATCH / f"{name}.{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}"
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)

    def publish(self, scratch: Path, name: str) -> None:
        with refusals(self.local):
            _sync(scratch)
            path = self.local / name
            make_folder(path.parent)
            _name_new(scratch, path)

    def replace(self, name: str, content: bytes) -> None:
        path = self.local / name
        with refusals(path.parent):
            make_folder(path.parent)
        with replacing(path) as scratch:
            scratch.write_bytes(content)

    def deliver(self, contents: Mapping[str, Callable[[], bytes]], held: Held) -> None:
        held()
        for name, content in contents.items():
            self.replace(name, content())

    def delete(self, name: str) -> None:
        with refusals(self.local):
            (self.local / name).unlink(missing_ok=True)

    def holder(self) -> str | None:
        return together(filter(None, map(_holder, sorted(self.local.glob(f"{LOCK}*")))))

    @contextmanager
    def hold(self, part: str | None = None) -> Iterator[Held]:
        if part is None:
            with self._locked(LOCK, fcntl.LOCK_EX):
                yield _always
            return
        # Parts share the lock that a holder of the whole has alone.
        with self._locked(LOCK, fcntl.LOCK_SH), self._locked(f"{LOCK}-{part}", fcntl.LOCK_EX):
            yield _always

    @contextmanager
    def _locked(self, name: str, kind: int) -> Iterator[None]:
        try:
            make_folder(self.local)
            handle = os.open(self.local / name, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno in _READ_ONLY and self.local.is_dir():
                raise ReadOnly(f"{self.local}: {REFUSALS[error.errno]}. {READ_ONLY}") from error
            raise StorageError(
                f"{self.local}: cannot be used as a run folder: {error.strerror}. Choose another one with --out."
            ) from error
        try:
            _lock(handle, kind)
        except BlockingIOError:
            holder = _written_holder(handle)
            os.close(handle)
            raise RunBusy(
                f"{self.local}: another seedscope ({holder}) works on this run. Wait for it, or stop it first."
            ) from None
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()} on {socket.gethostname()}".encode(), 0)
            yield
        finally:
            os.close(handle)


def _always() -> None:
    """The system takes a lock from nobody who lives."""


def create(path: Path, content: bytes) -> None:
    """Create a small file with all its content or not at all.

    Raises:
        FileExistsError: it is there already.
        StorageError: the folder cannot be written.
    """
    with refusals(path.parent):
        make_folder(path.parent)
        scratch = _beside(path)
        try:
            scratch.write_bytes(content)
            _sync(scratch)
            _name_new(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file that may be made anew at any time, such as the seeds table: all of it, or what was there before.

    At the end of the block it is on the disk: a power cut takes neither from that moment on, nor both at any other.

    Yields:
        The path to write to; what is there at the end takes the file's name, unless an exception was raised.

    Raises:
        StorageError: the folder cannot be written.
    """
    with refusals(path.parent):
        scratch = _beside(path)
        try:
            yield scratch
            _sync(scratch)
            scratch.replace(path)
            _sync(path.parent)
        finally:
            scratch.unlink(missing_ok=True)


@contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a sentence with the remedy."""
    try:
        yield
    except IsADirectoryError as error:
        raise StorageError(
            f"{error.filename2 or error.filename}: is a folder, where a file of the run belongs. Move it away, then run "
            "the same command again: it goes on where it stopped."
        ) from error
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        raise StorageError(
            f"{folder}: {REFUSALS[error.errno]}. What is published is safe; make room or choose another folder with --out, "
            "then run the same command again: it goes on where it stopped."
        ) from error


def _lock(handle: int, kind: int) -> None:
    """Lock a file. Who asks for its holder has it for a moment, which is waited out."""
    for last in (False, False, True):
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if last:
                raise
            time.sleep(0.02)
        else:
            return


def _holder(lock: Path) -> str | None:
    """Who holds a lock alone."""
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _written_holder(handle)
    finally:
        os.close(handle)
    return None


def _written_holder(handle: int) -> str:
    """Who says in an open lock file that it holds it."""
    return f"process {os.read(handle, 200).decode(errors='replace').strip() or 'unknown'}"


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")


def _name_new(scratch: Path, path: Path) -> None:
    """Give a synced file its name for good, unless there is one of that name.

    Raises:
        FileExistsError: there is one.
        StorageError: the file system can neither link nor lock.
    """
    try:
        os.link(scratch, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_new(scratch, path)
    _sync(path.parent)


def _rename_new(scratch: Path, path: Path) -> None:
    """As `_name_new`, where there are no hard links: of those that rename into a folder, one at a time holds its lock."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
        except OSError as error:
            raise StorageError(
                f"{path.parent}: the file system has neither hard links nor locks ({error.strerror}), by one of which files "
                "are published whole and once. Choose a folder on another one with --out."
            ) from error
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        scratch.rename(path)
    finally:
        os.close(folder)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and sync the names of what is new.

    Raises:
        OSError: it cannot be made, such as NotADirectoryError where there is a file of its name.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError as error:
        if not folder.is_dir():  # else another process was first
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error
    _sync(folder.parent)


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, from memory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)
