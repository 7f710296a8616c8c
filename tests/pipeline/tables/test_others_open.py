"""What other programs make of the folder of a table: which names they pass over, and that they open it as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import datasets
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_shards import UNIT, rows

from seedscope.pipeline.images import decode
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


def by_datasets(folder: Path) -> int:
    return len(datasets.load_dataset(str(folder), split="train", cache_dir=str(folder.parent / "cache")))


READERS: dict[str, Callable[[Path], int]] = {
    "pandas": lambda folder: len(pd.read_parquet(folder)),
    "Polars": lambda folder: len(pl.read_parquet(folder)),
    "DuckDB": lambda folder: int(
        duckdb.sql(f"select count(*) from read_parquet('{folder}/*.parquet')").fetchall()[0][0]
    ),
    "datasets": by_datasets,
}
STOPPED_BY: dict[str, set[str]] = {
    "nothing": set(),
    ".scratch/": set(),
    "receipts/1.json": {"pandas", "Polars"},
    "_receipts/1.json": {"Polars"},
    ".receipts/1.json": {"Polars"},
    "given-up/1": {"pandas", "Polars"},
    "_receipts/index.parquet": {"Polars", "datasets"},
    ".index.parquet": {"Polars", "DuckDB"},
}
"""A file, or a folder, that lies among the data of a table -> who cannot read these then, or reads what is none of them."""


@pytest.mark.parametrize("name", STOPPED_BY)
def test_who_is_stopped_by_what_lies_among_the_data(tmp_path: Path, name: str) -> None:
    """Why receipts lie elsewhere: under no name within the folder do all of them pass over what is no data."""
    folder = tmp_path / "table"
    folder.mkdir()
    pq.write_table(pa.table({"seed": [1, 2]}), folder / "000000-0.parquet")
    if name.endswith("/"):
        (folder / name).mkdir()
    elif name != "nothing":
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(pa.table({"unit": ["000000-0"]}), folder / name)
        else:
            (folder / name).write_text(json.dumps({"unit": 1}))
    stopped = set()
    for reader, read in READERS.items():
        try:
            found = read(folder)
        except Exception:  # noqa: BLE001  (each has its own)
            found = 0
        if found != 2:
            stopped.add(reader)
    assert stopped == STOPPED_BY[name]


def test_all_open_the_folder_of_a_table_as_it_is(tmp_path: Path) -> None:
    table = Table.of(tmp_path / "run", "images", "0123456789abcdef", IMAGE_SCHEMA)
    table.publish(UNIT, rows(), {})
    table.give_up("000001-0", "too large")
    table.compact()
    folder = tmp_path / "run" / table.name
    assert {reader: read(folder) for reader, read in READERS.items()} == dict.fromkeys(READERS, 4)
    picture = decode(rows()["image"][0].as_py()["bytes"])
    assert (decode(pd.read_parquet(folder)["image"][0]["bytes"]) == picture).all()
    assert (decode(pl.read_parquet(folder)["image"][0]["bytes"]) == picture).all()
    shown = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(shown.features["image"], datasets.Image) and shown[0]["image"].size == (16, 16)
