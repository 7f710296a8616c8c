"""A folder on this machine: what is on the disk when, and file systems that lack something."""

import errno
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from small_shards import UNIT, rows
from waiting import GENEROUS

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.storage.local import LocalStorage, create, make_folder, replacing
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the disk is asked for, in order: (call, name of the file or folder)."""
    found: list[tuple[str, str]] = []

    def noted(name: str, named: Callable[..., str]) -> None:
        call = getattr(os, name)

        def noting(*arguments: object, **options: object) -> object:
            found.append((name, named(*arguments)))
            return call(*arguments, **options)

        monkeypatch.setattr(os, name, noting)

    noted("fsync", lambda handle: Path(f"/proc/self/fd/{handle}").readlink().name)
    noted("link", lambda old, new, **_: Path(new).name)
    noted("replace", lambda old, new: Path(new).name)
    return found


def without_the_attempt(asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(call, ".scratch" if name.startswith(".") else name) for call, name in asked]


@pytest.mark.parametrize("write", ["replacing", "replace"])
def test_what_is_replaced_is_on_the_disk_before_it_has_the_name_and_the_name_before_the_end(
    tmp_path: Path, asked: list[tuple[str, str]], write: str
) -> None:
    (folder := tmp_path / "run").mkdir()
    if write == "replace":
        LocalStorage(folder).replace("golden.json", b"{}")
    else:
        with replacing(folder / "golden.json") as scratch:
            scratch.write_bytes(b"{}")
    assert without_the_attempt(asked) == [("fsync", ".scratch"), ("replace", "golden.json"), ("fsync", "run")]


def test_what_is_created_is_on_the_disk_with_all_folders_above_it(tmp_path: Path, asked: list[tuple[str, str]]) -> None:
    create(tmp_path / "run" / "editions" / "0001.json", b"{}")
    folders = [("fsync", tmp_path.name), ("fsync", "run")]
    assert without_the_attempt(asked) == [
        *folders, ("fsync", ".scratch"), ("link", "0001.json"), ("fsync", "editions")
    ]  # fmt: skip


def test_a_shard_is_on_the_disk_before_its_receipt(tmp_path: Path, asked: list[tuple[str, str]]) -> None:
    Table.of(tmp_path / "run", "images", "0123456789abcdef", IMAGE_SCHEMA).publish(UNIT, rows(), {})
    linked = [at for at, (call, _) in enumerate(asked) if call == "link"]
    shard, receipt = linked
    assert [asked[at][1] for at in linked] == [f"{UNIT.name}.parquet", f"{UNIT.name}.json"]
    assert ("fsync", "images-01234567") in asked[shard:receipt] and asked[receipt + 1 :][0] == (
        "fsync",
        "images-01234567",
    )
    assert ("fsync", "run") in asked[:shard]  # of the table's folder
    assert [name for _, name in asked[shard + 1 : receipt]].count("receipts") == 1  # of that of its receipts


def test_a_file_in_the_way_of_a_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "receipts").write_text("")
    for name in ("receipts/1.json", "receipts/deeper/1.json"):
        with pytest.raises(StorageError, match="a file is in the way of a folder"):
            create(tmp_path / name, b"")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "receipts" / "deeper")


# --- file systems without hard links, such as exFAT


@pytest.fixture(params=[errno.EPERM, errno.ENOTSUP, errno.ENOSYS], ids=lambda number: errno.errorcode[number])
def no_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("no_links")
def test_without_hard_links_a_file_is_created_whole_and_once(tmp_path: Path) -> None:
    create(tmp_path / "a" / "1.json", b"1")
    with pytest.raises(FileExistsError):
        create(tmp_path / "a" / "1.json", b"2")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "a").iterdir()] == [("1.json", b"1")]
    table = Table.of(tmp_path, "images", "0123456789abcdef", IMAGE_SCHEMA)
    first, late = table.publish(UNIT, rows(), {}), table.publish(UNIT, rows(shade=1), {})
    assert first == late and table.damage(UNIT.name, deep=True) is None and table.read(UNIT.name).equals(rows())
    assert len([name for name in table.storage.names() if name.endswith(".parquet")]) == 1


def _create(path: Path, number: int, barrier: Barrier) -> None:
    barrier.wait()
    try:
        create(path, f"{number}".encode() * 1000)
    except FileExistsError:
        os._exit(3)


@pytest.mark.usefixtures("no_links")
def test_without_hard_links_one_of_many_creates(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    creators = [context.Process(target=_create, args=(tmp_path / "one", number, barrier)) for number in range(4)]
    for creator in creators:
        creator.start()
    for creator in creators:
        creator.join(GENEROUS)
    codes = [creator.exitcode for creator in creators]
    assert sorted(map(str, codes)) == ["0", "3", "3", "3"]
    assert (tmp_path / "one").read_bytes() == f"{codes.index(0)}".encode() * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.usefixtures("no_links")
def test_without_links_and_locks_it_is_said_what_the_file_system_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(StorageError, match="neither hard links nor locks.*--out"):
        create(tmp_path / "one", b"")
    assert not list(tmp_path.iterdir())


def test_a_file_system_that_cannot_sync_folders_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fsync)
    create(tmp_path / "run" / "1.json", b"1")
    assert (tmp_path / "run" / "1.json").read_bytes() == b"1"


@pytest.mark.parametrize("act", ["delete", "replace"])
def test_a_folder_in_the_way_of_a_file_is_a_sentence(act: str, tmp_path: Path) -> None:
    (tmp_path / "shard.parquet").mkdir()
    store = LocalStorage(tmp_path)
    with pytest.raises(
        StorageError, match=r"shard\.parquet: is a folder, where a file of the run belongs\. Move it away"
    ):
        store.delete("shard.parquet") if act == "delete" else store.replace("shard.parquet", b"")
    assert [item.name for item in tmp_path.iterdir()] == ["shard.parquet"]
