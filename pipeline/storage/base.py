"""What a run folder asks of the place where it lies."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    import pyarrow as pa  # golden lists, which are files too, do without it

HOLDERS_NAMED = 3
READ_ONLY = (
    "`seedscope status`, `plan`, `verify` and `report --to ELSEWHERE` read the run as it is; for anything else copy it to "
    "where it can be written, and name the copy with --out."
)
Held = Callable[[], None]
"""Looks whether this process still holds a place. Raises RunBusy: another one has taken it over."""


class Entry(NamedTuple):
    """A file in a listing: its size in bytes, and a stamp that is another one as soon as its content is."""

    size: int
    stamp: str


class Storage(Protocol):
    """A folder on this machine, or a prefix of an object store. Cheap and picklable: it holds a name, no connection.

    Names are relative, with `/`. Every method raises StorageError, with the remedy, for what waiting does not fix.
    """

    @property
    def url(self) -> str:
        """The place, as a person would write it."""
        ...

    @property
    def local(self) -> Path | None:
        """The folder on this machine; None elsewhere."""
        ...

    @property
    def conditional(self) -> bool:
        """Whether `create` and `publish` are atomic. Where they are not, one process alone may call them for a name."""
        ...

    def inside(self, folder: str) -> "Storage":
        """The storage of a folder of this one."""
        ...

    def beside(self, folder: str) -> "Storage":
        """The storage of a folder that lies where this one does."""
        ...

    def folders(self) -> set[str]:
        """The names of the folders in this one, of a store those that have files."""
        ...

    def entries(self, folder: str = "") -> Mapping[str, Entry]:
        """The files of a folder, not those of its sub-folders, in one sweep; none where there is no such folder."""
        ...

    def names(self, folder: str = "") -> set[str]:
        """The names in a folder, among them perhaps those of sub-folders; quicker than `entries` where many are listed."""
        ...

    def size(self, name: str) -> int | None:
        """Size in bytes; None where there is no such file."""
        ...

    def read(self, name: str) -> bytes:
        """All of a file.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def open(self, name: str) -> "pa.NativeFile":
        """A file for reading any part of it: bytes that nobody asks for are not fetched.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def create(self, name: str, content: bytes) -> None:
        """Create a small file with all its content or not at all.

        Raises:
            FileExistsError: it is there already. An object store takes a file of the very same bytes for its own earlier
                attempt, whose answer was lost on the way.
        """
        ...

    def scratch(self, name: str) -> AbstractContextManager[Path]:
        """A path on this machine to write a file to before it is published; what is there at the end is removed."""
        ...

    def publish(self, scratch: Path, name: str) -> None:
        """Give a written file its name, as `create` does.

        Raises:
            FileExistsError: as `create`.
        """
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Write a file anew: all of it, or what was there before."""
        ...

    def deliver(self, contents: Mapping[str, Callable[[], bytes]], held: Held) -> None:
        """Write files anew as the holder of the place, name -> content: none by a process that took the place over is replaced.

        Raises:
            RunBusy: another process has taken it over.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def hold(self, part: str | None = None) -> AbstractContextManager[Held]:
        """Hold the place for this process, until it ends, however it ends; or only a `part`, beside holders of others.

        Raises:
            RunBusy: another process holds it, or, at the end, has taken it over meanwhile.
            ReadOnly: it cannot be written.
        """
        ...

    def holder(self) -> str | None:
        """Who holds the place, or parts of it, such as `process 7 on node-1`; None where nobody does."""
        ...


class Swap(Protocol):
    """What a lease asks of an object store: small objects, and one operation that replaces one only if nobody else has."""

    @property
    def url(self) -> str:
        """The place, as a person would write it."""
        ...

    def names(self, folder: str = "") -> set[str]:
        """The names in a folder."""
        ...

    def read(self, name: str) -> bytes:
        """All of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def create(self, name: str, content: bytes) -> None:
        """Create an object.

        Raises:
            FileExistsError: it is there already.
        """
        ...

    def swap(self, name: str, old: bytes, new: bytes) -> bool:
        """Replace an object if it still has its old content; whether it did."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        ...

    def retrying(self, seconds: float) -> Self:
        """The same place, requests to which are tried again for so long and no longer."""
        ...


def together(holders: Iterable[str]) -> str | None:
    """Holders in words; of many the first ones."""
    found = list(holders)
    more = [f"{len(found) - HOLDERS_NAMED} more"] if len(found) > HOLDERS_NAMED else []
    return " and ".join(filter(None, [", ".join(found[:HOLDERS_NAMED]), *more])) or None
