"""Tables in object stores: an S3 server on this machine that misbehaves, and one without conditional puts."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from subprocess import PIPE
from typing import Any

import boto3
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs
import small_scores
from object_store import BUCKET, ObjectStore, busy, error, served, slow
from repository import ROOT
from small_shards import UNIT, edition, rows

from seedscope.pipeline.errors import CorruptShard, DamagedObject, ReadOnly, RunChanged, StorageError
from seedscope.pipeline.storage import storage
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.storage.objects import ObjectStorage
from seedscope.pipeline.storage.retries import with_retries
from seedscope.pipeline.tables.receipts import Receipt
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

CAUSE = "0123456789abcdef"


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    patch = pytest.MonkeyPatch()
    with served(ObjectStore()) as store:
        for name, value in store.environment().items():
            patch.setenv(name, value)
        patch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"read_timeout": 1, "retries": {"max_attempts": 0}}})
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        for bucket in (BUCKET, "refuses", "overlooks"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        yield store
    patch.undo()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def store(server: ObjectStore) -> Iterator[ObjectStore]:
    yield server
    server.trouble, server.lost, server.rotten, server.conditions = ObjectStore.trouble, 0, ("", 0), "kept"
    server.halved = 0


def place(bucket: str = BUCKET, retry_seconds: float = 60.0) -> ObjectStorage:
    return ObjectStorage(f"s3://{bucket}/{os.urandom(4).hex()}", retry_seconds=retry_seconds, beat=0.1, stale=1.0)


def images(where: ObjectStorage) -> Table:
    return Table.of(where, "images", CAUSE, IMAGE_SCHEMA)


def shards(table: Table) -> set[str]:
    return {name for name in table.storage.entries() if name.endswith(".parquet")}


def test_published_rows_come_back(store: ObjectStore, tmp_path: Path) -> None:
    table, near = images(place()), Table.of(tmp_path, "images", CAUSE, IMAGE_SCHEMA)
    assert not table.has(UNIT.name) and table.committed() == set() and table.receipts() == {}
    receipt = table.publish(UNIT, rows(), {"host": "here"})
    assert receipt.shard is not None and shards(table) == {receipt.shard}
    assert table.committed() == {UNIT.name} and table.receipts() == {UNIT.name: receipt}
    assert table.receipt(UNIT.name) == receipt and table.read(UNIT.name).equals(rows())
    assert table.storage.read(receipt.shard) == Path(near.shard(near.publish(UNIT, rows(), {}).unit)).read_bytes()
    assert table.damage(UNIT.name, deep=True) is None and table.damaged([UNIT.name], "bytes") == {}
    table.revoke(UNIT.name)
    assert not table.has(UNIT.name) and not shards(table)


def test_a_column_is_read_without_the_pictures(store: ObjectStore) -> None:
    table, content = images(place()), rows()
    pictures = pa.array([{"bytes": os.urandom(100_000), "path": "x.webp"}] * 4, IMAGE_SCHEMA.field("image").type)
    table.publish(UNIT, content.set_column(3, IMAGE_SCHEMA.field("image"), pictures), {})
    before = store.sent
    assert table.read(UNIT.name, ["seed"])["seed"].to_pylist() == [1, 1, 2, 2]
    assert store.sent - before < 100_000


def test_a_column_of_many_shards_is_read_as_from_a_folder(store: ObjectStore, tmp_path: Path) -> None:
    table, near = small_scores.scores(place()), small_scores.scores(tmp_path)
    for number, unit in enumerate(small_scores.UNITS):
        values = [number + row / 100 for row in range(len(unit))]
        for each in (table, near):
            small_scores.publish(each, unit, values, failed=[0, 2] if number == 1 else [])
    names = [unit.name for unit in small_scores.UNITS]
    assert list(table.values(names, "score")) == list(near.values(names, "score"))
    last = str(table.receipt(names[-1]).shard)
    table.storage.replace(last, table.storage.read(last)[:-9])
    found = table.values(names, "score")
    assert [next(found).null_count for _ in names[:-1]] == [0, 2, 0]
    with pytest.raises(CorruptShard, match=names[-1]):
        next(found)


def test_damage_is_seen(store: ObjectStore) -> None:
    table = images(place())
    shard = str(table.publish(UNIT, rows(), {}).shard)
    content = table.storage.read(shard)
    spoilt = bytearray(content)
    spoilt[content.index(b"WEBP") + 40] ^= 1
    table.storage.replace(shard, bytes(spoilt))
    assert table.damaged([UNIT.name], "size") == {} == table.damaged([UNIT.name], "footer")
    assert "bytes have changed" in table.damaged([UNIT.name], "bytes")[UNIT.name]
    with pytest.raises(CorruptShard, match="checksum"):
        table.read(UNIT.name)
    table.storage.replace(shard, content[:-9])
    assert "its receipt says" in table.damaged([UNIT.name], "size")[UNIT.name]
    table.storage.delete(shard)
    assert "is missing" in table.damaged([UNIT.name], "size")[UNIT.name]
    with pytest.raises(CorruptShard, match="cannot be read"):
        table.read(UNIT.name)


# --- several writers


WRITER = """
import json, sys
from dataclasses import asdict
from test_s3 import UNIT, ObjectStorage, images, rows
table = images(ObjectStorage(sys.argv[1]))
sys.stdin.readline()
print(json.dumps([asdict(table.publish(UNIT, rows(shade=shade), {"process": shade})) for shade in (7, 8)]))
"""


def test_many_writers_of_the_same_unit_agree_on_one(store: ObjectStore) -> None:
    """Threads and processes, with pictures that differ as those of two machines may."""
    table = images(place())
    command = [sys.executable, "-c", WRITER, table.storage.url.rpartition("/")[0]]
    path = os.pathsep.join(map(str, (Path(__file__).parent, ROOT / "tests" / "support")))
    processes = [
        subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdin=PIPE, stdout=PIPE, text=True)
        for _ in range(2)
    ]
    with ThreadPoolExecutor(8) as writers:
        there = [writers.submit(process.communicate, "go\n", 100) for process in processes]
        here = writers.map(lambda shade: table.publish(UNIT, rows(shade=shade), {"thread": shade}), range(4))
        found = list(here) + [Receipt(**item) for each in there for item in json.loads(each.result()[0])]
    assert {receipt.shard for receipt in found} == {table.receipt(UNIT.name).shard} == shards(table)
    assert len(found) == 8 and table.damage(UNIT.name, deep=True) is None


def test_one_of_many_creates(store: ObjectStore) -> None:
    where, ready = place(), threading.Barrier(8)

    def create(number: int) -> bool:
        ready.wait()
        try:
            where.create("one", f"{number}".encode())
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as writers:
        won = list(writers.map(create, range(8)))
    assert won.count(True) == 1 and where.read("one") == f"{won.index(True)}".encode()


@pytest.mark.parametrize("size", [1, 11 * 2**20], ids=["one part", "many parts"])
def test_a_late_publisher_loses(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(s3fs.core, "calculate_chunksize", lambda size, chunksize: 5 * 2**20)
    where, scratch = place(), tmp_path / "scratch"
    scratch.write_bytes(b"a" * size)
    where.publish(scratch, "shard")
    where.publish(scratch, "shard")  # as a try whose answer was lost
    scratch.write_bytes(b"b" * size)
    with pytest.raises(FileExistsError):
        where.publish(scratch, "shard")
    assert where.size("shard") == size and where.range("shard", 0, 1) == b"a"


@pytest.mark.parametrize("conditions", ["refused", "overlooked"])
def test_without_conditional_puts_the_driver_alone_commits(store: ObjectStore, conditions: str) -> None:
    store.conditions = conditions
    table = images(place({"refused": "refuses", "overlooked": "overlooks"}[conditions]))
    assert not table.storage.conditional
    first, late = table.publish(UNIT, rows(), {}), table.publish(UNIT, rows(shade=1), {})
    assert not table.has(UNIT.name) and shards(table) == {first.shard, late.shard}
    assert table.commit(first) == first == table.commit(late) == table.commit(first)
    assert shards(table) == {first.shard} and table.read(UNIT.name).equals(rows())


def test_any_file_system_of_fsspec_holds_a_run() -> None:
    table = Table.of(f"memory://run-{os.urandom(4).hex()}", "images", CAUSE, IMAGE_SCHEMA)
    receipt = table.commit(table.publish(UNIT, rows(), {}))
    assert table.receipts() == {UNIT.name: receipt} and table.damage(UNIT.name, deep=True) is None


def test_what_dead_writers_left_is_swept_once_the_unit_is_made(store: ObjectStore) -> None:
    table = images(place())
    for name in (f"{UNIT.name}.dead.parquet", "000001-abcdef02.dead.parquet"):
        table.storage.create(name, b"half")
    table.clear_scratch()
    assert len(shards(table)) == 2  # a worker may be just about to commit one of them
    receipt = table.publish(UNIT, rows(), {})
    table.clear_scratch()
    assert shards(table) == {receipt.shard, "000001-abcdef02.dead.parquet"}


# --- trouble on the way


@pytest.mark.parametrize(
    "trouble",
    [busy(8), busy(3, "500 Internal Server Error", "InternalError"), slow(1, 1.5)],
    ids=["busy", "broken", "hangs"],
)
def test_trouble_that_passes_is_waited_for(store: ObjectStore, trouble: object) -> None:
    table = images(place())
    assert table.storage.conditional
    store.trouble = trouble
    receipt = table.publish(UNIT, rows(), {})
    assert table.receipt(UNIT.name) == receipt and table.damage(UNIT.name, deep=True) is None


def test_an_answer_that_is_lost_does_not_make_a_loser(store: ObjectStore) -> None:
    table = images(place())
    assert table.storage.conditional
    store.lost = 2  # that of the shard and that of the receipt, which are there
    receipt = table.publish(UNIT, rows(), {"host": "mine"})
    assert store.lost == 0 and receipt.made == {"host": "mine"} == table.receipt(UNIT.name).made
    assert shards(table) == {receipt.shard} and table.damage(UNIT.name, deep=True) is None


def test_a_server_that_is_away_for_a_while_is_waited_for(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    ends = threading.Event()

    def come_back() -> None:
        time.sleep(1.5)
        with served(ObjectStore(), port):
            ends.wait(60)

    server = threading.Thread(target=come_back)
    server.start()
    try:
        place().create("late", b"1")
    finally:
        ends.set()
        server.join()
        monkeypatch.undo()
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_trouble_that_stays_is_a_sentence(store: ObjectStore) -> None:
    where = place(retry_seconds=0.5)
    assert where.conditional
    store.trouble = busy(1000)
    with pytest.raises(
        StorageError, match=r"has not answered as it should for 0 s \(injected SlowDown\).*same command again"
    ):
        where.create("x", b"")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        ("403 Forbidden", "AccessDenied", "denies access.*credentials"),
        ("404 Not Found", "NoSuchBucket", "no such bucket"),
    ],
)
def test_what_does_not_pass_is_told_at_once(store: ObjectStore, status: str, code: str, sentence: str) -> None:
    where = place()
    store.trouble, before = busy(1000, status, code), store.asked.total()
    for ask in (where.entries, lambda: where.replace("x", b""), lambda: where.read("x")):
        with pytest.raises(StorageError, match=sentence):
            ask()
    assert store.asked.total() - before <= 4


def test_a_bucket_that_is_not_there_and_urls_that_nobody_knows() -> None:
    with pytest.raises(StorageError, match=r"nobody here knows nowhere://"):
        storage("nowhere://x/y")
    if "gcsfs" not in {name.partition(".")[0] for name in sys.modules}:
        with pytest.raises(StorageError, match=r'pip install "seedscope\[gs\]"'):
            storage("gs://x/y")


# --- receipts in one sweep


@pytest.fixture(params=["here", "s3"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    """A table of 12 receipts; their shards do not matter."""
    if request.param == "s3":
        request.getfixturevalue("store")
    found = Table.of(tmp_path if request.param == "here" else place(), "images", CAUSE, IMAGE_SCHEMA)
    for number in range(12):
        found.commit(Receipt(f"{number:06d}-0", number, 0, 1, "", {"host": f"node{number}"}))
    return found


def beside(table: Table) -> Storage:
    """Where its receipts lie."""
    return table.storage.beside("receipts").inside(table.name)


def one_by_one(table: Table) -> dict[str, Receipt]:
    return {unit: table.receipt(unit) for unit in table.committed()}


def test_all_receipts_in_one_sweep(table: Table, server: ObjectStore) -> None:
    loose = table.receipts()
    assert loose == one_by_one(table) and len(loose) == 12
    table.compact()
    before = server.asked.total()
    assert table.receipts() == loose
    assert server.asked.total() - before <= 4  # two of them look where earlier versions wrote receipts
    for unit in ("000003-0", "000004-0"):
        table.revoke(unit)
    table.commit(replace(loose["000003-0"], rows=99))
    table.commit(replace(loose["000003-0"], unit="000031-0"))
    changed = table.receipts()
    assert changed == one_by_one(table) and len(changed) == 12 and changed["000003-0"].rows == 99
    table.compact()
    assert table.receipts() == changed


@pytest.mark.parametrize("spoil", ["gone", "cut off", "flipped", "of others", "of another version"])
def test_the_index_is_a_cache_only(table: Table, spoil: str) -> None:
    index, receipts = ".index.parquet", beside(table)
    table.compact()
    content = bytearray(receipts.read(index))
    if spoil == "gone":
        receipts.delete(index)
    elif spoil == "cut off":
        receipts.replace(index, bytes(content[:-20]))
    elif spoil == "of another version":
        written = BytesIO()
        pq.write_table(pq.read_table(BytesIO(content)).drop_columns(["worker"]), written)
        receipts.replace(index, written.getvalue())
    elif spoil == "flipped":
        content[len(content) // 3] ^= 255
        receipts.replace(index, bytes(content))
    else:
        for unit in table.committed():
            table.revoke(unit)
        table.commit(Receipt("000001-0", 7, 0, 1, ""))
        receipts.replace(index, bytes(content))
    assert table.receipts() == one_by_one(table)
    assert table.receipts().keys() == table.committed()
    table.compact()
    assert pq.read_table(BytesIO(receipts.read(index))).num_rows == len(table.committed())


def test_an_unreadable_receipt_is_told(table: Table) -> None:
    beside(table).replace("000005-0.json", b"{")
    with pytest.raises(CorruptShard, match="000005-0.json: no readable receipt"):
        table.receipts()
    assert "no readable receipt" in table.damaged(["000005-0"], "size")["000005-0"]
    table.revoke("000005-0")
    assert len(table.receipts()) == 11


# --- the run folder


def test_a_run_grows_and_remembers(store: ObjectStore) -> None:
    run = RunFolder(place())
    assert run.grow({"steps": 1}, edition("ab", 2)) == [edition("ab", 2)]
    assert len(run.grow({"steps": 1}, edition("cab", 3))) == 2
    assert [cause for cause, _ in run.editions()] == [{"steps": 1}] * 2
    with pytest.raises(RunChanged, match=f"{run.storage.url}: was made by another study"):
        run.grow({"steps": 2}, edition("cab", 3))


def test_products_are_delivered_and_what_was_there_is_not(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunFolder("s3://pictures/studies/demo run")
    assert run.path.parent == Path("runs") and run.path.name.startswith("pictures-studies-demo-run-")
    run.path.mkdir(parents=True)
    (run.path / "old.json").write_text("old")
    with run.locked():
        (run.path / "report").mkdir()
        (run.path / "report" / "index.html").write_text("page")
    assert run.storage.read("report/index.html") == b"page" and run.storage.size("old.json") is None


def test_a_receipt_is_the_same_text_everywhere(store: ObjectStore, tmp_path: Path) -> None:
    here, there = Table.of(tmp_path, "images", CAUSE, IMAGE_SCHEMA), images(place())
    one, other = (asdict(table.publish(UNIT, rows(), {})) for table in (here, there))
    assert one.pop("shard") is None and other.pop("shard").startswith(f"{UNIT.name}.") and one == other


# --- bytes that do not match their checksum, places that can only be read


class Mismatch(Exception):
    """As botocore calls it."""


Mismatch.__name__ = "FlexibleChecksumError"


def test_bytes_that_do_not_match_their_checksum_are_asked_for_again_and_then_told() -> None:
    def answers(bad: int) -> Callable[[], bytes]:
        left = [bad]

        def ask() -> bytes:
            left[0] -= 1
            if left[0] >= 0:
                raise Mismatch("Expected checksum abc did not match calculated checksum: def")
            return b"whole"

        return ask

    assert with_retries(answers(3), "s3://b/x") == b"whole"
    started = time.monotonic()
    with pytest.raises(DamagedObject, match=r"s3://b/x: is damaged.*checksum.*Restore it") as told:
        with_retries(answers(1000), "s3://b/x")
    assert isinstance(told.value, OSError) and time.monotonic() - started < 60


class Rotten(ObjectStorage):
    """A store in which some objects do not match the checksum that it keeps of them."""

    def read(self, name: str) -> bytes:
        if name.endswith(ROTTEN):
            raise DamagedObject(f"{self.url}/{name}: is damaged")
        return super().read(name)

    def range(self, name: str, start: int, end: int) -> bytes:
        if name.endswith(ROTTEN):
            raise DamagedObject(f"{self.url}/{name}: is damaged")
        return super().range(name, start, end)


ROTTEN = (".index.parquet", "000001-0.json", "bad.parquet")


def test_a_rotten_index_is_as_none_and_a_rotten_receipt_or_shard_is_damage() -> None:
    where = ObjectStorage(f"memory://{os.urandom(4).hex()}/images")
    table = Table(where, IMAGE_SCHEMA)
    receipts = {name: Receipt(name, 4, 0, 1, "", {}, f"{name}.parquet") for name in ("000000-0", "000002-0")}
    for receipt in receipts.values():
        table.commit(receipt)
    table.compact()
    rotten = Table(Rotten(where.url), IMAGE_SCHEMA)
    assert rotten.receipts() == receipts and rotten.committed() == set(receipts)
    rotten.compact()
    table.commit(Receipt("000001-0", 4, 0, 1, ""))
    table.commit(Receipt("000003-0", 4, 0, 4, "", {}, "bad.parquet"))
    where.create("bad.parquet", b"1234")
    for depth in ("footer", "bytes"):
        found = rotten.damaged(["000001-0", "000003-0"], depth)
        assert "no readable receipt" in found["000001-0"] and "cannot be read" in found["000003-0"]
    with pytest.raises(CorruptShard):
        rotten.read("000003-0")


def test_a_store_that_may_only_be_read_is_told_so(store: ObjectStore, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunFolder(place())
    run.grow({"steps": 1}, edition("ab", 2))
    assert run.storage.conditional

    def refuse_to_write(environ: dict[str, Any]) -> tuple[str, bytes] | None:
        return None if environ["REQUEST_METHOD"] in ("GET", "HEAD") else ("403 Forbidden", error("AccessDenied"))

    store.trouble = refuse_to_write
    with pytest.raises(ReadOnly, match="denies access.*report --to ELSEWHERE"), run.locked():
        pass
    with run.read() as folder:
        assert folder is not run and folder.path != run.path and folder.path.is_dir() and len(folder.editions()) == 1


def test_what_is_flipped_on_its_way_is_read_again_and_a_rotten_index_is_as_none(store: ObjectStore) -> None:
    table = images(place())
    receipt = table.publish(UNIT, rows(), {})
    table.compact()
    store.rotten = (f"{UNIT.name}.json", 2)
    assert table.receipt(UNIT.name) == receipt and store.rotten[1] == 0
    store.rotten = (".index.parquet", 1000)
    with pytest.raises(DamagedObject, match="do not match the checksum that the store keeps"):
        beside(table).read(".index.parquet")
    assert table.receipts() == {UNIT.name: receipt}
    table.compact()
    store.rotten = ("", 0)
    assert table.receipts() == {UNIT.name: receipt}


def test_a_part_that_comes_cut_is_asked_for_again(store: ObjectStore) -> None:
    where = place()
    where.create("shard", b"0123456789")
    store.halved = 4
    assert where.range("shard", 2, 8) == b"234567" and store.halved == 0
    table = images(where)
    table.publish(UNIT, rows(), {})
    store.halved = 1000
    with pytest.raises(CorruptShard, match="cannot be read"):
        table.read(UNIT.name)
