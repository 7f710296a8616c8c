"""Parquet of other people, and shards whose bytes have changed, as in foreign_files.py.

A fault of Arrow may end the process: `fault_apart` of faults.py reads them.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from foreign_files import Parser, Read, changed, from_file, mutated, table_of
from given_pictures import mask, picture
from PIL import Image
from small_shards import UNIT, rows

from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.judging.run_view import RunView
from seedscope.analysis.run.pictures import RunPictures
from seedscope.pipeline.drawing.tasks.masked_pictures import masked_pictures
from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.study.plan import Edition
from seedscope.pipeline.tables.beside import Beside
from seedscope.pipeline.tables.receipts import INDEX
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

_LARGE = (b"\x80\x01", b"\xfe\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01")
_NUMBERS = (b"\0", b"\x01", b"\x02", b"\x7f", *_LARGE)
"""As Parquet's records write them: small ones, and the largest and the smallest of 32 and 64 bits."""


def mutated_parquet(drawn: random.Random, examples: Sequence[bytes]) -> bytes:
    """An example with a few changes: anywhere; in its pages, whose places stay; or in its footer, which goes on being found."""
    pages, footer = parts(drawn.choice(examples))
    kind = drawn.choice(("any", "pages", "footer", "footer"))
    if kind == "any":
        return mutated(drawn, examples)
    for _ in range(drawn.choice((1, 1, 2, 3))):
        if kind == "pages":
            pages = _overwritten(drawn, pages)
        else:
            footer = changed(drawn, footer, footer) if drawn.random() < 0.5 else _overwritten(drawn, footer)
    return joined(pages, footer)


def parts(content: bytes) -> tuple[bytes, bytes]:
    """The pages of a Parquet file, and its footer."""
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    return content[:start], content[start:-8]


def joined(pages: bytes, footer: bytes) -> bytes:
    """A Parquet file of pages and a footer."""
    return pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _overwritten(drawn: random.Random, content: bytes) -> bytes:
    """As many bytes, with one bit turned, or another number in their midst."""
    place = drawn.randrange(len(content))
    new = drawn.choice((bytes([content[place] ^ (1 << drawn.randrange(8))]), drawn.choice(_NUMBERS)))
    return (content[:place] + new + content[place + len(new) :])[: len(content)]


def _written(columns: pa.Table, *, plain: bool) -> bytes:
    """A small file that has all that Parquet can say of itself; `plain`: as most write it."""
    buffer = io.BytesIO()
    pq.write_table(
        columns,
        buffer,
        row_group_size=10,
        write_page_index=not plain,
        write_page_checksum=not plain,
        data_page_version="1.0" if plain else "2.0",
        compression="NONE" if plain else "ZSTD",
    )
    return buffer.getvalue()


def _both(columns: pa.Table) -> list[bytes]:
    return [_written(columns, plain=plain) for plain in (True, False)]


def _listing() -> pa.Table:
    return pa.table(
        {
            "file": [f"{number}.png" for number in range(20)],
            "prompt": ["a cat", "a dog"] * 10,
            "tags": [["a", "b"], None] * 10,
            "seed": range(20),
            "w": [1.5, None] * 10,
            "kind": pa.array(["x", "y"] * 10).dictionary_encode(),
            "day": pa.array([datetime(2024, 1, 31, tzinfo=UTC), None] * 10),
            "price": pa.array([Decimal("1.5")] * 20),
            "sizes": pa.array([[1.0, 2.0]] * 20, pa.list_(pa.float32(), 2)),
        }
    )


def _encoded(shown: Image.Image) -> bytes:
    buffer = io.BytesIO()
    shown.save(buffer, "PNG")
    return buffer.getvalue()


def _pictures() -> list[bytes]:
    return [_encoded(picture(seed, 8, 8)) for seed in (1, 2)]


def _masked() -> pa.Table:
    hidden = _encoded(mask(0, 0, 4, 4, 8, 8))
    shown = [{"bytes": data, "path": None} for data in _pictures()]
    return pa.table({"image": shown, "mask": [hidden, hidden], "object": ["cat", None], "name": ["a", "b"]})


def _read_masked(path: Path) -> None:
    for each in masked_pictures(path, 3):
        each.read((8, 8))


def _read_reference(path: Path) -> None:
    real = RealImages.named(str(path))
    for unit in real.units()[:3]:
        real.read(unit)


def _shard(tmp: Path) -> Table:
    """A table with one shard, published once."""
    table = Table(tmp / "table", IMAGE_SCHEMA)
    if not table.has(UNIT.name):
        table.publish(UNIT, rows(), {})
    return table


def _read_shard(content: bytes, folder: Path) -> None:
    table = _shard(folder)
    (folder / "table" / f"{UNIT.name}.parquet").write_bytes(content)
    pictures = RunPictures(table, [UNIT])
    table.damage(UNIT.name, deep=False)
    for read in (
        partial(table.read, UNIT.name),
        lambda: list(table.values([UNIT.name], "seed")),
        *(partial(pictures, seed, item.id) for item, seed in UNIT.cells),
    ):
        with suppress(CorruptShard):
            read()


def _parser(examples: Sequence[bytes], read: Read) -> Parser:
    return Parser(examples, read, mutated_parquet)


def _published() -> bytes:
    with TemporaryDirectory() as folder:
        _shard(Path(folder))
        return (Path(folder) / "table" / f"{UNIT.name}.parquet").read_bytes()


def _read_result(path: Path) -> None:
    RunView(RunFolder(path.parent), {}, {}, Edition((), ()), [], Edition((), ())).seeds()


def _index() -> bytes:
    with TemporaryDirectory() as folder:
        table = _shard(Path(folder))
        table.compact()
        return Beside.receipts(table.storage).read(INDEX)


def _read_index(content: bytes, folder: Path) -> None:
    table = _shard(folder)
    Beside.receipts(table.storage).place.replace(INDEX, content)
    if {*table.receipts()} != {UNIT.name}:
        raise AssertionError("the receipts are others than without an index")


PARSERS = {
    "parquet": _parser(_both(_listing()), table_of("parquet")),
    "masked": _parser(_both(_masked()), from_file("masked.parquet", _read_masked)),
    "reference": _parser(
        [*_both(_masked().select(["image"])), *_both(pa.table({"image": _pictures()}))],
        from_file("reference.parquet", _read_reference),
    ),
    "shard": _parser([_published()], _read_shard),
    "index": _parser([_index()], _read_index),
    "result": _parser(_both(_listing()), from_file("seeds.parquet", _read_result)),
}
