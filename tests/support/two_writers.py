"""Two writers of one unit in a folder whose bytes differ, each of them paused between two of its steps.

Two machines, or a microbatch that halved, may draw the same cell with other bytes; a worker that was taken for dead may go on.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from small_shards import UNIT, rows

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.storage.local import LocalStorage
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

STEPS = 10
SECONDS = 5.0
_STEPPED = {"publish", "create", "delete", "size", "open", "read"}


class Stepped(LocalStorage):
    """A folder that calls back before each thing that is done in it."""

    def __init__(self, local: Path, before: Callable[[], None]) -> None:
        super().__init__(local)
        object.__setattr__(self, "before", before)

    def inside(self, folder: str) -> "Stepped":
        return Stepped(self.local / folder, object.__getattribute__(self, "before"))

    def beside(self, folder: str) -> "Stepped":
        return Stepped(self.local.parent / folder, object.__getattribute__(self, "before"))

    def __getattribute__(self, name: str) -> object:
        found = object.__getattribute__(self, name)
        if name not in _STEPPED:
            return found

        @functools.wraps(found)
        def step(*arguments: object) -> object:
            object.__getattribute__(self, "before")()
            return found(*arguments)

        return step


def images(storage: LocalStorage) -> Table:
    return Table.of(storage, "images", "0123456789abcdef", IMAGE_SCHEMA)


def trouble(folder: Path, first: int, second: int) -> str | None:
    """What is wrong after a schedule: None, or a sentence.

    Writer A pauses before step `first` of its own; B does its steps up to `second`, and pauses; A ends; B ends.
    """
    b_may, b_pauses, a_ended = Event(), Event(), Event()
    said: dict[str, str] = {}

    def write(name: str, shade: int, before: Callable[[], None]) -> None:
        try:
            receipt = images(Stepped(folder, before)).publish(UNIT, rows(shade=shade), {"writer": name})
            said[name] = str(receipt.made["writer"])
        except Exception as error:  # noqa: BLE001  (told below)
            said[name] = repr(error)

    def one() -> None:
        write("A", 1, _at(first, lambda: (b_may.set(), b_pauses.wait(SECONDS))))
        b_may.set()
        a_ended.set()

    def other() -> None:
        b_may.wait(SECONDS)
        write("B", 2, _at(second, lambda: (b_pauses.set(), a_ended.wait(SECONDS))))
        b_pauses.set()

    writers = [Thread(target=one), Thread(target=other)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return _wrong(images(LocalStorage(folder)), said)


def _at(step: int, call: Callable[[], object]) -> Callable[[], None]:
    """Call once, before the step of that number."""
    left = [step]

    def before() -> None:
        left[0] -= 1
        if left[0] == 0:
            call()

    return before


def _wrong(table: Table, said: dict[str, str]) -> str | None:
    damage = table.damage(UNIT.name, deep=True)
    if damage is not None:
        return f"{damage}; {said}"
    try:
        counts = str(table.receipt(UNIT.name).made["writer"])
        table.read(UNIT.name)
    except CorruptShard as error:
        return str(error)
    if set(said.values()) != {counts}:
        return f"the receipt says {counts}, and the writers were told {said}"
    table.clear_scratch()
    left = {name for name in table.storage.names() if name.endswith(".parquet")}
    return None if len(left) == 1 else f"shards are left: {sorted(left)}"
