"""Where the results of a run in a store lie on this machine, and what its records say when they are damaged, or cut."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest
from small_shards import UNIT, edition, rows

from seedscope.pipeline.errors import RunChanged, StorageError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.storage.local import LocalStorage
from seedscope.pipeline.storage.objects import ObjectStorage
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.tables import table as table_module
from seedscope.pipeline.tables.receipts import Receipt, parsed, written
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


def test_no_two_urls_share_a_folder_on_this_machine() -> None:
    urls = [
        "s3://b/c/x",
        "s3://b/c-x",
        "s3://b-c/x",
        "s3://b/c/x ",
        "s3://b/c//x",
        "gs://b/c/x",
        "s3a://b/c/x",
        "s3://b/C/x",
    ]
    urls += [f"s3://b/{'d' * 300}/{end}" for end in "xy"]
    folders = {url: RunFolder(ObjectStorage(url)).path for url in urls}
    for one, other in combinations(urls, 2):
        assert folders[one] != folders[other], (one, other)
    assert folders["s3://b/c/x"] == RunFolder(ObjectStorage("s3://b/c/x")).path
    assert folders["s3://b/c/x"].name.startswith("b-c-x-") and max(len(path.name) for path in folders.values()) < 200


def test_of_a_folder_that_an_earlier_version_used_it_is_said_once_that_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.urandom(4).hex()
    run = RunFolder(f"memory://b/{name}")
    (former := Path("runs") / f"b-{name}").mkdir(parents=True)
    (former / "study.yaml").write_text("edited")
    for _ in range(2):
        with run.locked():
            pass
    assert caplog.text.count(f"{former} stays as it is") == 1 and (former / "study.yaml").read_text() == "edited"
    assert run.path.is_dir() and run.storage.size("study.yaml") is None


# --- damaged records


def flips(content: bytes) -> Iterator[bytes]:
    """The content with one bit flipped, anywhere."""
    for place in range(0, len(content), max(1, len(content) // 150)):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << place % 7
        yield bytes(spoilt)


def test_a_flipped_bit_in_an_edition_is_damage_and_no_other_study(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    cause = {"sampling": {"guidance": {"scale": 0, "negative": {"from": 0}}}}
    run.grow(cause, edition("ab", 4))
    place = tmp_path / "editions" / "0001.json"
    whole = place.read_bytes()
    silent = 0
    for spoilt in flips(whole):
        place.write_bytes(spoilt)
        try:
            assert run.grow(cause, edition("ab", 4)) == [edition("ab", 4)]
            silent += 1  # nothing but the name of the checksum has changed
        except StorageError as error:
            assert "0001.json: the run's record is damaged" in str(error) and "Restore it from a copy" in str(error)
    assert silent <= 6
    place.unlink()  # as the sentence says
    run.grow(cause, edition("ab", 4))
    assert place.read_bytes() == whole


def test_only_the_last_edition_may_be_deleted(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for texts in ("ab", "abc"):
        run.grow({"steps": 1}, edition(texts, 2))
    for number, remedy in ((2, "delete it, and the `run` or `import` that made it"), (1, "choose another folder")):
        place = tmp_path / "editions" / f"{number:04d}.json"
        place.write_bytes(place.read_bytes().replace(b'"seeds"', b'"sxeds"'))
        with pytest.raises(StorageError, match=remedy):
            run.record(number)


def test_editions_of_earlier_versions_have_no_checksum_and_are_valid(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    cause = {"options": {"checksum": "0123456789abcdef"}, "file": "b\udcff"}
    record = {"cause": cause, "prompts": [prompt("a").record()], "seeds": [0, 1]}
    (tmp_path / "editions").mkdir()
    (tmp_path / "editions" / "0001.json").write_text(json.dumps(record, indent=0))
    assert run.record(1) == record
    run.add(2, record)
    assert run.record(2) == record and run.storage.read("editions/0002.json").count(b"checksum") == 2


def test_an_edition_without_checksum_that_fits_no_table_of_its_run_is_damaged(tmp_path: Path) -> None:
    run, cause = RunFolder(tmp_path), {"sampling": {"steps": 1}}
    run.grow(cause, edition("ab", 2))
    Table.of(tmp_path, "images", fingerprint(cause), IMAGE_SCHEMA).publish(UNIT, rows(), {})
    place = tmp_path / "editions" / "0001.json"
    record = run.record(1) | {"cause": {"sampling": {"steps": 3}}}
    place.write_text(json.dumps(record))
    with pytest.raises(StorageError, match="the run's record is damaged: its settings are not those of images-"):
        run.grow(cause, edition("ab", 2))
    with pytest.raises(RunChanged, match="was made by another study"):
        run.grow({"sampling": {"steps": 2}}, edition("ab", 2))


def test_every_flipped_bit_in_a_receipt_is_seen_or_changes_nothing() -> None:
    receipt = Receipt("000000-a", 4, 0, 1234, "ab" * 32, {"seconds": 1.5, "host": "anna", "source": "cd"}, "x.parquet")
    content = written(receipt)
    assert parsed(receipt.unit, content) == receipt
    for spoilt in flips(content):
        try:
            found = parsed(receipt.unit, spoilt)
        except ValueError:
            continue
        assert replace(found, made=receipt.made) == receipt and receipt.made.items() <= found.made.items()


def test_receipts_of_earlier_versions_have_no_checksum_and_are_valid() -> None:
    receipt = Receipt("000000-a", 4, 0, 1234, "ab" * 32, {"seconds": 1.5})
    assert parsed(receipt.unit, json.dumps(asdict(receipt), indent=1).encode()) == receipt


# --- what is cut on its way


class Flaky(LocalStorage):
    """A folder of which the first so many reads of each file lose their end."""

    def __init__(self, local: Path, cuts: int, seen: dict[str, int] | None = None) -> None:
        super().__init__(local)
        object.__setattr__(self, "cuts", (cuts, {} if seen is None else seen))

    def inside(self, folder: str) -> "Flaky":
        return Flaky(self.local / folder, *object.__getattribute__(self, "cuts"))

    def beside(self, folder: str) -> "Flaky":
        return Flaky(self.local.parent / folder, *object.__getattribute__(self, "cuts"))

    def _cut(self, name: str) -> bool:
        cuts, seen = object.__getattribute__(self, "cuts")
        seen[name] = seen.get(name, 0) + 1
        return bool(seen[name] <= cuts)

    def read(self, name: str) -> bytes:
        content = super().read(name)
        return content[: len(content) // 2] if self._cut(name) else content

    def open(self, name: str) -> pa.NativeFile:
        content = super().read(name)
        return pa.BufferReader(content[: len(content) // 2] if self._cut(name) else content)


@pytest.mark.parametrize("ask", ["damaged", "ledger", "receipt", "read", "values"])
def test_what_was_cut_on_its_way_is_read_again_before_a_unit_is_taken_for_damaged(tmp_path: Path, ask: str) -> None:
    whole = Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA)
    receipt = whole.publish(UNIT, rows(), {})
    table = Table(Flaky(tmp_path, 1).inside(whole.name), IMAGE_SCHEMA)
    if ask == "damaged":
        for depth in ("size", "footer", "bytes"):
            again = Table(Flaky(tmp_path, 1).inside(whole.name), IMAGE_SCHEMA)
            assert again.damaged([UNIT.name], depth) == {}
    elif ask == "ledger":
        assert table.ledger("unit").to_pydict() == {"unit": [UNIT.name]}
    elif ask == "receipt":
        assert table.receipt(UNIT.name) == receipt
    elif ask == "read":
        assert table.read(UNIT.name).equals(rows())
    else:
        assert [column.to_pylist() for column in table.values([UNIT.name], "seed")] == [[1, 1, 2, 2]]


def test_a_unit_that_was_made_anew_since_its_damage_was_seen_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a driver that has slept while another one took the run over."""
    table = Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA)
    table.publish(UNIT, rows(), {})
    Path(table.shard(UNIT.name)).write_bytes(b"")
    swept = table_module.committed_shards

    def slept(storage: Storage) -> object:
        found = swept(storage)
        table.revoke(UNIT.name)
        table.publish(UNIT, rows(), {})
        return found

    monkeypatch.setattr(table_module, "committed_shards", slept)
    assert table.damaged([UNIT.name], "size") == {}


def test_a_file_is_no_run_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(StorageError, match=r"run: cannot be used as a run folder: it is a file\. Choose another"):
        RunFolder(tmp_path / "run")
