"""Shards are published once, committed by receipts, and damage is seen."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as changed
from multiprocessing.synchronize import Event
from pathlib import Path
from subprocess import PIPE

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repository import ROOT
from small_shards import UNIT, edition, rows
from waiting import GENEROUS

from seedscope.pipeline.errors import CorruptShard, RunBusy, RunChanged, StorageError
from seedscope.pipeline.storage.local import create, replacing
from seedscope.pipeline.study.plan import Edition, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


def folder(table: Table) -> Path:
    assert table.storage.local is not None
    return table.storage.local


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA)


def test_published_rows_come_back(table: Table) -> None:
    assert not table.has(UNIT.name) and table.committed() == set()
    receipt = table.publish(UNIT, rows(), {"host": "here"})
    assert table.name == "images-01234567"
    assert table.committed() == {UNIT.name}
    assert table.read(UNIT.name).equals(rows())
    assert table.receipt(UNIT.name) == receipt
    assert (receipt.rows, receipt.failed, receipt.made) == (4, 0, {"host": "here"})
    assert table.damage(UNIT.name, deep=True) is None
    assert not list((folder(table) / ".scratch").iterdir())


def test_the_bytes_hang_on_the_rows_alone(table: Table, tmp_path: Path) -> None:
    other = Table.of(tmp_path / "other", "images", "0123456789abcdef", IMAGE_SCHEMA)
    first, second = table.publish(UNIT, rows(), {"host": "a"}), other.publish(UNIT, rows(), {"host": "b"})
    assert first.sha256 == second.sha256
    assert Path(table.shard(UNIT.name)).read_bytes() == Path(other.shard(UNIT.name)).read_bytes()


def test_the_first_writer_wins(table: Table) -> None:
    first = table.publish(UNIT, rows(), {})
    late = table.publish(UNIT, rows(shade=1), {})
    assert late == first
    assert table.read(UNIT.name).equals(rows())


def test_rows_must_be_the_units_cells_in_order(table: Table) -> None:
    for wrong in (rows().slice(0, 3), pa.concat_tables([rows().slice(1), rows().slice(0, 1)])):
        with pytest.raises(ValueError, match="not exactly its cells"):
            table.publish(UNIT, wrong, {})
    assert table.committed() == set() and not Path(table.shard(UNIT.name)).exists()


def test_failed_cells_are_rows_and_counted(table: Table) -> None:
    some = rows().to_pylist()
    some[1] |= {"image": None, "status": "failed", "error": "not finite"}
    assert table.publish(UNIT, pa.Table.from_pylist(some, schema=IMAGE_SCHEMA), {}).failed == 1
    assert table.read(UNIT.name).to_pylist() == some


def test_a_shard_without_receipt_does_not_count_and_counts_again_only_if_it_is_whole(table: Table) -> None:
    whole = table.publish(UNIT, rows(), {})
    content = Path(table.shard(UNIT.name)).read_bytes()
    for left in (content, content[:-100], b""):
        table.revoke(UNIT.name)
        Path(table.shard(UNIT.name)).write_bytes(left)
        assert not table.has(UNIT.name)
        receipt = table.publish(UNIT, rows(), {})
        assert receipt.sha256 == whole.sha256 and (receipt.shard is None) == (left == content)
        assert table.read(UNIT.name).equals(rows())
        table.clear_scratch()
        assert [file.read_bytes() for file in folder(table).glob("*.parquet")] == [content]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(place=st.floats(0, 1), flip=st.integers(1, 255))
def test_every_flipped_byte_is_seen(table: Table, place: float, flip: int) -> None:
    table.publish(UNIT, rows(), {})
    shard = Path(table.shard(UNIT.name))
    content = bytearray(shard.read_bytes())
    content[min(int(place * len(content)), len(content) - 1)] ^= flip
    shard.write_bytes(bytes(content))
    reason = table.damage(UNIT.name, deep=True)
    table.revoke(UNIT.name)
    assert reason is not None and "bytes have changed" in reason


def test_truncated_and_missing_shards_are_seen_without_reading_them(table: Table) -> None:
    table.publish(UNIT, rows(), {})
    shard = Path(table.shard(UNIT.name))
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    assert "its receipt says" in str(table.damage(UNIT.name, deep=False))
    with pytest.raises(CorruptShard):
        table.read(UNIT.name)
    shard.unlink()
    assert "is missing" in str(table.damage(UNIT.name, deep=False))


def test_a_flipped_byte_in_a_picture_stops_a_reader(table: Table) -> None:
    table.publish(UNIT, rows(), {})
    shard = Path(table.shard(UNIT.name))
    content = bytearray(shard.read_bytes())
    content[bytes(content).index(b"WEBP") + 40] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(CorruptShard, match="checksum"):
        table.read(UNIT.name)


def unchecked(text: str) -> str:
    """A receipt as earlier versions wrote it, without a checksum."""
    found = json.loads(text)
    return json.dumps(found | {"made": {}})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text[:-9], "EOF"),
        (lambda text: text.replace('"rows": 4', '"rows": 5'), "its bytes have changed since it was written"),
        (lambda text: "[]", "no JSON object"),
        (lambda text: unchecked(text).replace('"rows": 4', '"rows": "4"'), "its values are not those of a receipt"),
        (lambda text: unchecked(text).replace('"sha256"', '"sha"'), "unexpected keyword"),
        (lambda text: unchecked(text).replace(UNIT.name, "000007-other"), "it is that of unit 000007-other"),
    ],
)
def test_an_unreadable_receipt_is_damage(table: Table, change: Callable[[str], str], told: str) -> None:
    table.publish(UNIT, rows(), {})
    receipt = folder(table).parent / "receipts" / table.name / f"{UNIT.name}.json"
    receipt.write_text(change(receipt.read_text()))
    for found in (table.damage(UNIT.name, deep=False), table.damaged([UNIT.name], "size").get(UNIT.name)):
        assert "no readable receipt" in str(found) and told in str(found)
    with pytest.raises(CorruptShard, match="no readable receipt"):
        table.ledger("unit")


@pytest.mark.parametrize("indexed", [False, True])
def test_receipts_in_columns_say_what_receipts_say(table: Table, indexed: bool) -> None:
    made = {"host": "anna", "process": 7, "seconds": 2, "finished": "2026-01-01T00:00:00.500+00:00", "source": "abc"}
    receipt = table.publish(UNIT, rows(), made)
    other = changed(receipt, unit="000009-other", shard="x.parquet", made={"finished": "yesterday", "seconds": None})
    table.commit(other)
    if indexed:
        table.compact()
    names = ("unit", "rows", "failed", "bytes", "sha256", "shard", "source", "finished", "seconds", "worker")
    found = {row["unit"]: row for row in table.ledger(*names).to_pylist()}
    for one in (receipt, other):
        assert found[one.unit] == {name: getattr(one, name) for name in names}
    assert found[UNIT.name]["worker"] == "anna:7" and found[UNIT.name]["finished"] == 1767225600.5
    assert [found[other.unit][name] for name in names[6:]] == [None] * 4
    assert table.receipts() == {receipt.unit: receipt, other.unit: other}


WRITER = """
import sys
from pathlib import Path
from small_shards import UNIT, rows
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table
table = Table.of(Path(sys.argv[1]), "images", "0123456789abcdef", IMAGE_SCHEMA)
content = rows()
print("ready", flush=True)
sys.stdin.readline()
print(table.publish(UNIT, content, {}).sha256)
"""


def test_many_writers_of_the_same_unit_agree_on_one(tmp_path: Path) -> None:
    """In processes of their own: one that is forked from threads of Arrow's may find its memory in their midst."""
    path = {"PYTHONPATH": str(ROOT / "tests" / "support")}
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen(command, env=os.environ | path, stdin=PIPE, stdout=PIPE, text=True) for _ in range(4)]
    assert all(writer.stdout is not None and writer.stdout.readline() == "ready\n" for writer in writers)
    with ThreadPoolExecutor(4) as threads:
        found = {said.strip() for said, _ in threads.map(lambda writer: writer.communicate("go\n", GENEROUS), writers)}
    assert [writer.returncode for writer in writers] == [0] * 4
    table = Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA)
    assert found == {table.receipt(UNIT.name).sha256}
    assert table.damage(UNIT.name, deep=True) is None


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(StorageError, match="the disk is full.*same command again"):
        table.publish(UNIT, rows(), {})
    monkeypatch.undo()
    assert table.committed() == set() and not list((folder(table) / ".scratch").iterdir())
    table.publish(UNIT, rows(), {})


def test_create_is_all_or_nothing_and_never_replaces(tmp_path: Path) -> None:
    create(tmp_path / "a" / "x.json", b"1")
    with pytest.raises(FileExistsError):
        create(tmp_path / "a" / "x.json", b"2")
    assert (tmp_path / "a" / "x.json").read_bytes() == b"1"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.json"]


def test_replace_keeps_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as scratch:
        scratch.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "x") as scratch:
        scratch.write_text("new")
        scratch.write_text(str(1 / 0))
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


# --- run folders


def test_a_run_grows_and_remembers(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert run.grow({"steps": 1}, edition("ab", 2)) == [edition("ab", 2)]
    assert run.grow({"steps": 1}, edition("ba", 2)) == [edition("ab", 2)]
    grown = run.grow({"steps": 1}, edition("cab", 3))
    assert [item.text for item in grown[1].prompts] == ["a", "b", "c"]
    assert [found for _, found in run.editions()] == grown


def test_prompts_that_come_into_other_groups_are_recorded_once_and_ask_for_no_picture(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    regrouped = Edition(tuple(prompt(text, "letters") for text in "ba"), (0, 1))
    run.grow({"steps": 1}, edition("ab", 2))
    for _ in range(2):
        editions = run.grow({"steps": 1}, regrouped)
        assert [(item.text, item.group) for item in editions[-1].prompts] == [("a", "letters"), ("b", "letters")]
        assert len(run.editions()) == 2
    shape = UnitShape(prompts=1, seeds=1)
    assert [unit.name for unit in plan(editions, shape)] == [unit.name for unit in plan(editions[:1], shape)]


@pytest.mark.parametrize(
    ("cause", "wanted", "sentence"),
    [
        ({"sampling": {"steps": 2}}, edition("ab", 2), "sampling.steps was 1 and is now 2.*--out"),
        ({"sampling": {"steps": 1}}, edition("a", 2), "the prompt 'b' that the study no longer names.*--out"),
        ({"sampling": {"steps": 1}}, edition("ab", 1), "the seed 1 that the study no longer names"),
    ],
)
def test_a_changed_study_is_refused(tmp_path: Path, cause: dict[str, object], wanted: Edition, sentence: str) -> None:
    run = RunFolder(tmp_path)
    run.grow({"sampling": {"steps": 1}}, edition("ab", 2))
    with pytest.raises(RunChanged, match=sentence):
        run.grow(json.loads(json.dumps(cause)), wanted)


def _hold(folder: str, ready: Event, stop: Event) -> None:
    with RunFolder(Path(folder)).locked():
        ready.set()
        stop.wait(60)


def test_a_second_driver_is_refused_and_a_killed_one_releases(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, stop = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(tmp_path), ready, stop))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(RunBusy, match=f"process {holder.pid}"), RunFolder(tmp_path).locked():
        pass
    holder.kill()
    holder.join()
    with RunFolder(tmp_path).locked():
        pass


def test_an_unwritable_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="cannot be used as a run folder.*--out"),
        RunFolder(tmp_path / "file").locked(),
    ):
        pass
