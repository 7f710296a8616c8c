"""The numbered records of a run: sealed JSON files, created one after another and never replaced."""

from dataclasses import dataclass

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.sealed import sealed, unsealed


@dataclass(frozen=True)
class Records:
    """`<name>/0001.json` and so on of a run. from_nothing: whether the first one is written anew where it was deleted."""

    storage: Storage
    name: str
    from_nothing: bool = True

    def numbers(self) -> list[int]:
        """Of those that there are, in order."""
        names = self.storage.entries(self.name)
        return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal())

    def place(self, number: int) -> str:
        """Where a record lies, for people."""
        return f"{self.storage.url}/{self._file(number)}"

    def read(self, number: int) -> dict[str, Json]:
        """What a record says.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return unsealed(self.storage.read(self._file(number)))
        except (ValueError, RecursionError) as error:
            raise self.damaged(number, error) from error
        except OSError as error:
            raise self.unreadable(number, error) from error

    def add(self, number: int, record: dict[str, Json]) -> None:
        """Write a record.

        Raises:
            FileExistsError: another process has done so.
            StorageError: the folder cannot be written.
        """
        # ASCII: the name of a file in a record need not be valid UTF-8.
        self.storage.create(self._file(number), sealed(record, indent=0))

    def damaged(self, number: int, reason: Exception) -> StorageError:
        """What is to be said of a record whose bytes have changed."""
        last = not any(other > number for other in self.numbers())
        remade = last and (number > 1 or self.from_nothing)
        without_copy = (
            "delete it, and the `run` or `import` that made it writes it anew"
            if remade
            else "choose another folder with --out"
        )
        return StorageError(
            f"{self.place(number)}: the run's record is damaged: {reason}. Restore it from a copy of the run; without one, "
            f"{without_copy}."
        )

    def unreadable(self, number: int, error: Exception) -> StorageError:
        """What is to be said of a record that cannot be read, or is none."""
        return StorageError(
            f"{self.place(number)}: the run's record cannot be read: {error}. Restore it, or use a new folder."
        )

    def _file(self, number: int) -> str:
        return f"{self.name}/{number:04d}.json"
