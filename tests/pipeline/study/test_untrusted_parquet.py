"""What is made sure of before a Parquet file is believed."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign_parquet import joined, parts

from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, counts, reason, refuse_bombs, validated


def _file(rows: pa.Table, **options: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, **options)
    return buffer.getvalue()


def _opened(content: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(content))


def test_the_rows_of_each_row_group() -> None:
    assert counts(_opened(_file(pa.table({"seed": range(7)}), row_group_size=3))) == [3, 3, 1]
    assert counts(_opened(_file(pa.table({"seed": pa.array([], pa.int64())})))) in ([], [0])


def test_a_footer_that_counts_other_rows_than_its_row_groups_is_refused() -> None:
    pages, footer = parts(_file(pa.table({"seed": range(7)}), row_group_size=3))
    seven = footer.index(b"\x16\x0e")  # field num_rows of the file: Thrift's i64, 7 in zigzag
    content = joined(pages, footer[:seven] + b"\x16\x10" + footer[seven + 2 :])
    with pytest.raises(ValueError, match="says that it has 8 rows, and its row groups have 7"):
        counts(_opened(content))


def test_texts_that_are_none_are_found() -> None:
    offsets, letters = pa.py_buffer(b"\0\0\0\0\x01\0\0\0"), pa.py_buffer(b"\xff")
    rows = pa.table({"prompt": pa.StringArray.from_buffers(1, offsets, letters)})
    with pytest.raises(UNREADABLE, match="UTF8"):
        validated(rows)
    good = pa.table({"prompt": ["a cat"]})
    assert validated(good) is good


def test_a_column_is_refused_that_would_fill_the_memory_and_others_are_not_looked_at() -> None:
    rows = pa.table({"prompt": ["a" * 2**21], "seed": [1]})
    with _opened(_file(rows, use_dictionary=False)) as file:
        refuse_bombs(file, ["seed"])
        with pytest.raises(ValueError, match="its column 'prompt' takes 2 MiB in a row group of 1 rows"):
            refuse_bombs(file, ["prompt"])


def test_a_reason_is_one_line_without_a_full_stop() -> None:
    assert reason(ValueError("Couldn't read.\n  Page 3 is damaged.")) == "Couldn't read. Page 3 is damaged"
    assert reason(PermissionError(13, "Permission denied", "/a/b.parquet")) == "Permission denied"
