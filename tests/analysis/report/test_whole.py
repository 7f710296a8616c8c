"""A report is there whole, the old one or the new one, whenever its writer is killed."""

import errno
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disk_calls import DiskCalls, killed_at
from forks import forked

from seedscope.analysis.report import whole
from seedscope.analysis.report.whole import MARK, whole_folder
from seedscope.pipeline.errors import StorageError

REFUSALS = [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")]


def write(folder: Path, text: str) -> None:
    with whole_folder(folder) as scratch:
        (scratch / "seeds").mkdir()
        for name in ("index.html", "seeds/0.html"):
            (scratch / name).write_text(text)


def content(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in ("index.html", "seeds/0.html")}


def calls(place: Path, work: Callable[[], object]) -> int:
    counted = DiskCalls(place, lambda *_: None)

    def watched() -> None:
        counted.watch()
        work()
        (place.parent / "count").write_text(str(counted.count))

    assert forked(watched) == 0
    return int((place.parent / "count").read_text())


def test_killed_at_any_moment_there_is_the_old_report_or_the_new_one(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    write(place / "page", "old")
    seen = set()
    for number in range(1, calls(place, lambda: write(place / "page", "old")) + 1):

        def killed(number: int = number) -> None:
            DiskCalls(place, killed_at(number)).watch()
            write(place / "page", "new")

        assert forked(killed) < 0
        found = content(place / "page")
        assert found in ({"old"}, {"new"})
        seen |= found
        write(place / "page", "old")
        assert [path.name for path in place.iterdir()] == ["page"]
    assert seen == {"old", "new"}


def test_where_folders_cannot_be_exchanged_the_next_one_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "exchange", lambda *_: False)
    place = tmp_path / "place"
    place.mkdir()
    write(place / "page", "old")
    for number in range(1, calls(place, lambda: write(place / "page", "old")) + 1):

        def killed(number: int = number) -> None:
            DiskCalls(place, killed_at(number)).watch()
            write(place / "page", "new")

        assert forked(killed) < 0
        with pytest.raises(ZeroDivisionError), whole_folder(place / "page"):
            raise ZeroDivisionError
        assert content(place / "page") in ({"old"}, {"new"})
        assert [path.name for path in place.iterdir()] == ["page"]
        write(place / "page", "old")


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")]
)
def test_what_the_disk_refuses_is_told_in_words(tmp_path: Path, number: int, words: str) -> None:
    write(tmp_path / "page", "old")
    with (
        pytest.raises(StorageError, match=rf"page: the report cannot be written: {words}\. Make room"),
        whole_folder(tmp_path / "page") as scratch,
    ):
        raise OSError(number, "as the system says it", str(scratch / "index.html"))
    assert content(tmp_path / "page") == {"old"} and (tmp_path / "page" / MARK).exists()


def test_a_copy_that_the_disk_refuses_names_its_source_first(tmp_path: Path) -> None:
    (tmp_path / "asset.js").write_bytes(bytes(10_000))

    def write_more_than_fits() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
        with (
            pytest.raises(StorageError, match="page: the report cannot be written: the file size limit is reached"),
            whole_folder(tmp_path / "out" / "page") as scratch,
        ):
            shutil.copyfile(tmp_path / "asset.js", scratch / "asset.js")

    assert forked(write_more_than_fits) == 0
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "out" / "page") as scratch:
        shutil.copyfile(tmp_path / "missing.js", scratch / "asset.js")
