"""What a table has beside its shards: receipts, and notes on what was given up.

These lie in `receipts/<table>/` of the run, so that who opens the table's own folder meets shards alone: pandas and pyarrow
pass over names that begin with `.` or `_`, but Polars reads whatever lies in a folder or below it, and stops at what is no
Parquet file. Up to version 0.1 they lay in the table's folder, as `receipts/` and `given-up/`. There they are still found, and
from there, on a file system, the next process that holds the run alone moves them. In an object store they stay: a holder that
was taken for dead, and wakes while it moves a receipt, could bring one back that its successor has taken away with its shard.

A file is created in the new place alone, which counts where both have it. It is moved by creating it there, then deleting it
in the former place; who looks for it looks in both in such an order that it is met at least once.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from seedscope.pipeline.storage.base import Entry, Storage

RECEIPTS = "receipts"
GIVEN_UP = "given-up"


@dataclass(frozen=True)
class Beside:
    """A folder of files of a table. place: where they are written; former: where earlier versions wrote them."""

    place: Storage
    former: Storage

    @classmethod
    def receipts(cls, table: Storage) -> "Beside":
        """The receipts of the table whose folder that is."""
        return cls(_of(table), table.inside(RECEIPTS))

    @classmethod
    def given_up(cls, table: Storage) -> "Beside":
        """The notes on units of the table that were given up."""
        return cls(_of(table).inside(GIVEN_UP), table.inside(GIVEN_UP))

    def names(self) -> set[str]:
        """The names of the files but those that are hidden, among them perhaps those of folders."""
        found = self.former.names()
        return {name for name in found | self.place.names() if not name.startswith(".")}

    def entries(self) -> Mapping[str, Entry]:
        """The files."""
        found = self.former.entries()
        return {**found, **self.place.entries()}

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return any(place.size(name) is not None for place in (self.place, self.former, self.place))

    def read(self, name: str) -> bytes:
        """All of a file.

        Raises:
            FileNotFoundError: there is none.
        """
        for place in (self.place, self.former):
            with suppress(FileNotFoundError):
                return place.read(name)
        return self.place.read(name)  # moved in between

    def delete(self, name: str) -> None:
        """Remove a file, if it is there; the one that counts last, so that no other comes to count."""
        self.former.delete(name)
        self.place.delete(name)

    def move(self) -> None:
        """Bring what lies in the former place, on a file system, to where it belongs. For the process that holds the run alone:
        killed in the middle, the next one goes on."""
        if self.former.local is None or not self.former.local.is_dir():
            return
        for name in sorted(self.former.entries()):
            self._move(name)
        with suppress(OSError):  # it is not empty
            self.former.local.rmdir()

    def _move(self, name: str) -> None:
        try:
            content = self.former.read(name)
        except OSError:  # it is gone, or cannot be read, and stays where that is told
            return
        with suppress(FileExistsError):
            self.place.create(name, content)
        self.former.delete(name)


def _of(table: Storage) -> Storage:
    return table.beside(RECEIPTS).inside(table.url.rsplit("/", 1)[-1])
