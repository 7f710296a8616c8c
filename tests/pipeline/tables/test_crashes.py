"""A writer is killed at each of its calls, or the power goes: what counts is whole, and the same work done again ends as ever.

All commands, at all calls: benchmarks/crash.py.
"""

from pathlib import Path

import pyarrow as pa
from disk_calls import DiskCalls, killed_at
from forks import forked
from power_cuts import DISKS, Disk, torn
from small_shards import UNIT, rows

from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


def work(run: Path, shade: pa.Table) -> Table:
    """What a driver does to make one unit."""
    table = Table.of(run, "images", "0123456789abcdef", IMAGE_SCHEMA)
    with RunFolder(run).locked():
        table.clear_scratch()
        table.publish(UNIT, shade, {})
        table.compact()
    return table


def visible(run: Path) -> dict[str, bytes]:
    files = (file for file in run.rglob("*") if file.is_file() and not file.name.startswith(".lock"))
    return {file.relative_to(run).as_posix(): file.read_bytes() for file in files if file.name != ".index.parquet"}


def is_whole(run: Path) -> bool:
    """Whether all that is committed is whole."""
    table = Table.of(run, "images", "0123456789abcdef", IMAGE_SCHEMA)
    return all(table.damage(unit, deep=True) is None for unit in table.committed())


def test_a_writer_is_killed_at_each_of_its_calls(tmp_path: Path) -> None:
    shade, calm, number, died = rows(), tmp_path / "calm", 0, True
    work(calm, shade)
    while died:
        number += 1
        place = tmp_path / str(number)

        def killed(place: Path = place, number: int = number) -> None:
            DiskCalls(place, killed_at(number)).watch()
            work(place / "run", shade)

        place.mkdir()
        died = forked(killed) < 0
        assert is_whole(place / "run")
        work(place / "run", shade)
        assert visible(place / "run") == visible(calm)
    assert number > 10


def test_the_power_goes_before_each_of_its_calls(tmp_path: Path) -> None:
    shade, calm, place, images = rows(), tmp_path / "calm", tmp_path / "place", tmp_path / "images"
    work(calm, shade)
    place.mkdir()
    images.mkdir()

    def recorded() -> None:
        disk = Disk(place)

        def before(number: int, name: str, path: str) -> None:
            for kind in DISKS:
                disk.after(kind, images / f"{number}-{kind}")
            disk.called(name, path)

        DiskCalls(place, before).watch()
        work(place / "run", shade)

    assert forked(recorded) == 0
    good = {name: {content} for name, content in visible(calm).items()}
    found = sorted(images.iterdir())
    assert len(found) > 10 * len(DISKS)
    for image in found:
        counts = {name: content for name, content in good.items() if "receipts" in name}
        assert not torn(image / "run", counts) and is_whole(image / "run"), image.name
        work(image / "run", shade)
        assert visible(image / "run") == visible(calm), image.name


def test_what_is_not_synced_is_seen_to_be_lost(tmp_path: Path) -> None:
    """The disks that are made up can tell a careful writer from a careless one."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "list").write_text("old")
    disk = Disk(place)
    (place / "new").write_text("new text")
    (place / "new").rename(place / "list")
    for kind in DISKS:
        disk.after(kind, tmp_path / kind)
    assert {kind: (tmp_path / kind / "list").read_text() for kind in DISKS} == {
        "none": "old",
        "names": "",
        "half": "new ",
        "both": "",
    }
    assert torn(tmp_path / "names", {"list": {b"old", b"new text"}}) == ["list has 0 bytes"]
    disk.called("fsync", str(place / "list"))
    disk.after("names", tmp_path / "synced")
    assert (tmp_path / "synced" / "list").read_text() == "new text"
