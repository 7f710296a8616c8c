"""A Parquet file elsewhere: read as it is, of the parts alone that are asked for, by no thread that outlives the reading."""

import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.tables.fetched import Fetched
from seedscope.pipeline.tables.parquet import parquet, read_rows

ROWS = pa.table(
    {
        "seed": pa.array(range(3000), pa.int64()),
        "prompt": [f"prompt {number % 7}" for number in range(3000)],
        "image": [{"bytes": np.random.default_rng(n).bytes(400), "path": f"{n}.webp"} for n in range(3000)],
        "clip": pa.array(np.random.default_rng(0).random((3000, 8)).tolist(), pa.list_(pa.float32(), 8)),
    }
)


class Watched(io.BytesIO):
    """A file that knows which bytes were asked for, and by whom."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def read(self, size: int | None = -1) -> bytes:
        start = self.tell()
        found = super().read(size)
        self.asked.append((start, start + len(found)))
        self.threads.add(threading.get_ident())
        return found

    @property
    def bytes(self) -> int:
        return sum(end - start for start, end in self.asked)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("written") / "x.parquet"
    pq.write_table(ROWS, file, row_group_size=1000, compression="NONE", write_page_checksum=True)
    return file.read_bytes()


@pytest.fixture
def watched(content: bytes) -> Iterator[Watched]:
    with Watched(content) as file:
        yield file


def test_all_of_it_is_what_was_written(watched: Watched) -> None:
    with parquet(pa.PythonFile(watched, mode="r"), "x", remote=True) as file:
        assert read_rows(file, ROWS.schema, "x").equals(ROWS)
    assert len(watched.asked) <= 4, "the end, and its parts as one"


@pytest.mark.parametrize("columns", [["seed"], ["clip", "seed"], ["image"], []])
def test_only_what_is_asked_for_is_fetched(watched: Watched, columns: Sequence[str]) -> None:
    with parquet(pa.PythonFile(watched, mode="r"), "x", remote=True) as file:
        begun = watched.bytes
        assert read_rows(file, ROWS.schema, "x", columns).equals(ROWS.select(columns))
        assert file.read_row_group(1, columns=columns).equals(ROWS.select(columns)[1000:2000])
        sizes = {column: ROWS[column].nbytes for column in columns}
    assert watched.bytes - begun < 1.6 * sum(sizes.values()) + 50_000
    assert begun <= 2 * 64 * 2**10


def test_no_thread_of_arrows_asks_python_for_anything(content: bytes) -> None:
    ours, arrows = Watched(content), Watched(content)
    with parquet(pa.PythonFile(ours, mode="r"), "x", remote=True) as file:
        file.read()
    pq.ParquetFile(pa.PythonFile(arrows, mode="r"), pre_buffer=True).read()
    assert ours.threads == {threading.get_ident()}
    assert arrows.threads - {threading.get_ident()}, "where Arrow fetches, threads of its own do"


def test_a_footer_longer_than_what_is_fetched_first(tmp_path: Path) -> None:
    wide = pa.table({f"{'column' * 9}{number}": [number] for number in range(900)})
    pq.write_table(wide, tmp_path / "wide.parquet")
    with (tmp_path / "wide.parquet").open("rb") as source, Fetched(pa.PythonFile(source, mode="r")) as file:
        assert file.metadata.serialized_size > 64 * 2**10
        assert file.read().equals(wide)


@pytest.mark.parametrize("keep", [0, 3, 11, 200, 70_000, -1])
def test_what_is_cut_off_is_told(content: bytes, keep: int) -> None:
    source = pa.PythonFile(io.BytesIO(content[:keep]), mode="r")
    with pytest.raises(CorruptShard, match="^x: cannot be read: "), parquet(source, "x", remote=True) as file:
        file.read()


def test_a_flipped_byte_is_told(content: bytes) -> None:
    broken = bytearray(content)
    broken[len(content) // 2] ^= 1
    source = pa.PythonFile(io.BytesIO(bytes(broken)), mode="r")
    with pytest.raises(CorruptShard, match="^x: cannot be read: "), parquet(source, "x", remote=True) as file:
        file.read()
