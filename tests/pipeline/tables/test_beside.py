"""Receipts lie beside a table's folder; those that earlier versions wrote into it count, and are moved without a loss."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from disk_calls import DiskCalls, killed_at
from forks import forked
from power_cuts import DISKS, Disk
from small_shards import UNIT, rows

from seedscope.pipeline.storage.local import LocalStorage
from seedscope.pipeline.storage.objects import ObjectStorage
from seedscope.pipeline.tables.beside import Beside
from seedscope.pipeline.tables.receipts import Receipt, written
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

NAMES = [f"{number:06d}-0" for number in range(3)]


def receipt(unit: str, by: str = "first") -> Receipt:
    return Receipt(unit, 4, 0, 1, "ab", {"writer": by}, f"{unit}.{by}.parquet")


def as_before(table: Table) -> Table:
    """The table as version 0.1 left it: receipts and notes in its own folder."""
    for name in NAMES:
        table.storage.create(f"receipts/{name}.json", written(receipt(name)))
    table.storage.create("given-up/000009-0", b"too large")
    return table


@pytest.fixture(params=["here", "store"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    where = tmp_path if request.param == "here" else ObjectStorage(f"memory://{os.urandom(4).hex()}")
    return Table.of(where, "images", "0123456789abcdef", IMAGE_SCHEMA)


def test_the_folder_of_a_table_has_shards_alone(tmp_path: Path) -> None:
    table = Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA)
    table.publish(UNIT, rows(), {})
    table.give_up("000009-0", "too large")
    table.compact()
    inside = {file.name for file in (tmp_path / table.name).rglob("*") if file.is_file()}
    assert inside == {f"{UNIT.name}.parquet"} and table.given_up() == {"000009-0": "too large"}


def test_receipts_in_the_former_place_count(table: Table) -> None:
    as_before(table)
    assert table.committed() == set(NAMES) == {*table.receipts()} and table.has(NAMES[0])
    assert table.given_up() == {"000009-0": "too large"}
    assert table.commit(receipt(NAMES[0], by="second")) == receipt(NAMES[0])
    assert not Beside.receipts(table.storage).place.names()
    table.revoke(NAMES[1])
    table.take_up(["000009-0"])
    assert table.committed() == {*NAMES} - {NAMES[1]} and table.given_up() == {}
    made = receipt(NAMES[1], by="second")
    assert table.commit(made) == made and table.receipts()[NAMES[1]] == made


def test_they_are_moved_by_who_gathers_receipts_but_in_a_store(table: Table) -> None:
    as_before(table)
    table.commit(receipt("000007-0"))
    before = table.receipts()
    assert len(before) == len(NAMES) + 1
    for _ in range(2):
        table.compact()
        assert table.receipts() == before and table.given_up() == {"000009-0": "too large"}
        assert table.storage.folders() == (set() if table.storage.local else {"receipts", "given-up"})


def test_where_both_places_have_one_the_new_one_counts(table: Table) -> None:
    """As after a kill in the middle of moving; or when a process of an earlier version wakes that was taken for dead."""
    made = receipt(NAMES[0], by="second")
    table.commit(made)
    as_before(table)
    for _ in range(2):
        assert table.receipt(NAMES[0]) == made == table.receipts()[NAMES[0]]
        table.compact()
    table.revoke(NAMES[0])
    assert NAMES[0] not in table.committed()


def test_a_damaged_one_stays_damaged(tmp_path: Path) -> None:
    table = as_before(Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA))
    (tmp_path / table.name / "receipts" / f"{NAMES[0]}.json").write_bytes(b"{")
    table.compact()
    assert set(table.damaged(NAMES[:1], "size")) == {NAMES[0]}
    assert table.committed() == set(NAMES)


def opened(run: Path) -> Table:
    return Table.of(run, "images", "0123456789abcdef", IMAGE_SCHEMA)


def moving(run: Path) -> None:
    with RunFolder(run).locked():
        opened(run).compact()


def left(run: Path) -> set[str]:
    return {file.relative_to(run).as_posix() for file in run.rglob("*") if file.is_file()} - {".lock"}


def test_who_moves_them_is_killed_at_each_of_its_calls(tmp_path: Path) -> None:
    number, died = 0, True
    wanted = {name: receipt(name) for name in NAMES}
    while died:
        number += 1
        run = tmp_path / str(number) / "run"
        table = as_before(opened(run))

        def killed(run: Path = run, number: int = number) -> None:
            DiskCalls(run.parent, killed_at(number)).watch()
            moving(run)

        died = forked(killed) < 0
        assert table.receipts() == wanted and table.given_up() == {"000009-0": "too large"}
        moving(run)
        assert table.receipts() == wanted
        place = f"receipts/{table.name}"
        assert left(run) == {f"{place}/{name}.json" for name in NAMES} | {
            f"{place}/.index.parquet",
            f"{place}/given-up/000009-0",
        }
    assert number > 5 * len(NAMES)


def test_the_power_goes_while_they_are_moved(tmp_path: Path) -> None:
    place, images = tmp_path / "place", tmp_path / "images"
    images.mkdir()
    as_before(opened(place / "run"))

    def recorded() -> None:
        disk = Disk(place)

        def before(number: int, name: str, path: str) -> None:
            for kind in DISKS:
                disk.after(kind, images / f"{number}-{kind}")
            disk.called(name, path)

        DiskCalls(place, before).watch()
        moving(place / "run")

    assert forked(recorded) == 0
    for image in sorted(images.iterdir()):
        assert opened(image / "run").receipts() == {name: receipt(name) for name in NAMES}, image.name


class Watched(LocalStorage):
    """A folder that calls back before each thing that changes it."""

    def __init__(self, local: Path, before: Callable[[], None]) -> None:
        super().__init__(local)
        object.__setattr__(self, "before", before)

    def inside(self, folder: str) -> "Watched":
        return Watched(self.local / folder, object.__getattribute__(self, "before"))

    def beside(self, folder: str) -> "Watched":
        return Watched(self.local.parent / folder, object.__getattribute__(self, "before"))

    def create(self, name: str, content: bytes) -> None:
        object.__getattribute__(self, "before")()
        super().create(name, content)

    def delete(self, name: str) -> None:
        object.__getattribute__(self, "before")()
        super().delete(name)


def test_who_reads_while_they_are_moved_misses_none(tmp_path: Path) -> None:
    """Between any two calls, and between the looks of a reader at the two places."""
    table = as_before(opened(tmp_path))
    seen = 0

    def looks() -> None:
        nonlocal seen
        seen += 1
        assert table.committed() == set(NAMES) == {*table.receipts()}

    moved = Table(Watched(tmp_path, looks).inside(table.name), IMAGE_SCHEMA)
    found = Beside.receipts(table.storage)
    slow = Beside(_Then(found.place, moved.compact), found.former)  # type: ignore[arg-type]  # reads and lists alone
    assert slow.read(f"{NAMES[2]}.json") == written(receipt(NAMES[2])) and seen >= 2 * len(NAMES)


class _Then:
    """A folder that something happens to after its first look at a file."""

    def __init__(self, place: object, then: Callable[[], None]) -> None:
        self._place, self._then = place, [then]

    def read(self, name: str) -> bytes:
        try:
            return self._place.read(name)  # type: ignore[attr-defined,no-any-return]
        finally:
            if self._then:
                self._then.pop()()
