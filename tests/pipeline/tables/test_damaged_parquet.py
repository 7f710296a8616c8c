"""Parquet whose bytes have changed ends in a result or in a sentence, and never with the process."""

import io
import os
import random
import re
import signal
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faults import faults_apart
from foreign_files import Parser
from foreign_parquet import PARSERS, joined, parts
from forks import forked
from small_shards import UNIT, rows

from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.run.pictures import RunPictures
from seedscope.pipeline.drawing.tasks.masked_pictures import masked_pictures
from seedscope.pipeline.errors import CorruptShard, StudyError
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt, read_prompts
from seedscope.pipeline.study.schema import FileSource
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


def edited(content: bytes, old: bytes, new: bytes) -> bytes:
    """A file with one more place of its footer changed: the first that has those bytes."""
    pages, footer = parts(content)
    assert old in footer
    return joined(pages, footer.replace(old, new, 1))


def written(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_any_bytes_end_in_a_result_or_in_a_sentence(tmp_path: Path, name: str) -> None:
    parser = PARSERS[name]
    drawn = random.Random(zlib.crc32(name.encode()))
    changed = [parser.change(drawn, parser.examples) for _ in range(150)]
    assert list(faults_apart(parser, [*parser.examples, *changed], tmp_path, seconds=300)) == []


def test_how_a_process_dies_is_a_fault_of_the_input_that_it_was_at(tmp_path: Path) -> None:
    def read(content: bytes, _folder: Path) -> None:
        if content == b"dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if content == b"raises":
            raise LookupError("x")

    found = faults_apart(Parser([], read), [b"good", b"dies", b"raises", b"dies", b"good"], tmp_path)
    assert [(content, wrong.split(" at ")[0]) for content, wrong in found] == [
        (b"dies", "ended its process (-9)"),
        (b"raises", "LookupError: x"),
        (b"dies", "ended its process (-9)"),
    ]


def histogram(*counts: int) -> bytes:
    """How a footer writes the number of values at each level, of which there are fewer than 8."""
    return bytes([len(counts) << 4 | 6, *(2 * count for count in counts)])


def test_a_footer_that_arrow_cannot_make_out_is_told(tmp_path: Path) -> None:
    content = written(pa.table({"prompt": ["a cat", None, "a dog"]}))
    (tmp_path / "p.parquet").write_bytes(edited(content, histogram(1, 2), histogram(1, 2, 0)))

    def read() -> None:
        with pytest.raises(
            StudyError, match=r"p.parquet: cannot be read as a .parquet file: .*histogram size mismatch"
        ):
            read_prompts([FileSource.model_validate({"file": tmp_path / "p.parquet"})])

    assert forked(read) == 0


def test_a_shard_of_such_a_footer_is_corrupt(tmp_path: Path) -> None:
    table = Table(tmp_path, IMAGE_SCHEMA)
    table.publish(UNIT, rows(), {})
    shard = tmp_path / f"{UNIT.name}.parquet"
    pages, footer = parts(shard.read_bytes())
    shard.write_bytes(joined(pages, footer.replace(histogram(0, 4), histogram(0, 4, 0))))

    def read() -> None:
        with pytest.raises(CorruptShard, match="histogram size mismatch"):
            table.read(UNIT.name)
        with pytest.raises(CorruptShard, match="histogram size mismatch"):
            RunPictures(table, [UNIT])(1, UNIT.prompts[0].id)

    assert forked(read) == 0


NUMBER = {1_234: b"\xa4\x13", 8_000: b"\x80\x7d", 2**40: b"\x80\x80\x80\x80\x80\x40"}
"""As a footer has them."""


def test_more_rows_than_there_are(tmp_path: Path) -> None:
    path = tmp_path / "real.parquet"
    content = written(pa.table({"image": [b""] * 1_234, "mask": [b""] * 1_234}))
    path.write_bytes(edited(content, NUMBER[1_234], NUMBER[8_000]))
    for read in (lambda: RealImages.named(str(path)), lambda: masked_pictures(path, None)):
        with pytest.raises(StudyError, match="it says that it has 8,000 rows, and its row groups have 1,234"):
            read()
    pages, footer = parts(content)
    path.write_bytes(joined(pages, footer.replace(NUMBER[1_234], NUMBER[2**40])))
    with pytest.raises(StudyError, match="has 1,099,511,627,776 rows, and at most 2,000,000 are read"):
        masked_pictures(path, None)
    with pytest.raises(StudyError, match="is damaged: it says that it has 1,099,511,627,776 rows"):
        RealImages.named(str(path))


def test_pictures_are_found_whatever_the_order_of_seeds(tmp_path: Path) -> None:
    unit = Unit.crossed("000000-abcdef01", [prompt(f"a cat {number}") for number in range(50)], (64, 3, 5))
    table = Table(tmp_path, IMAGE_SCHEMA)
    table.publish(unit, rows(unit), {})
    pictures = RunPictures(table, [unit])
    with table.opened(unit.name) as file:
        assert file.num_row_groups == 3
    assert all(pictures(seed, item.id) is not None for item, seed in unit.cells)


def test_what_arrow_says_over_several_lines_is_one_sentence(tmp_path: Path) -> None:
    pages, footer = parts(written(pa.table({"prompt": ["a cat"]})))
    (tmp_path / "p.parquet").write_bytes(joined(pages, b"\xff" * len(footer)))
    with pytest.raises(StudyError) as told:
        read_prompts([FileSource.model_validate({"file": tmp_path / "p.parquet"})])
    assert "\n" not in str(told.value) and re.search(r"cannot be read as a .*[^.]\.$", str(told.value))
