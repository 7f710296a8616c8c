"""A golden list in the formats of other programs: a table as CSV and Parquet, and a plain line of seeds.

They say which seeds, and no more: the conditions under which these hold are in the `golden.json` beside them.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.analysis.select.settings import settings
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.tables.columns import column

SCHEMA = pa.schema(
    [
        column("seed", pa.int64(), "The seed."),
        column("rank", pa.int64(), "Its rank among the seeds that it was chosen from, from 1."),
        column("value", pa.float64(), "Its value by the measurement that ranks the seeds."),
        column("lo", pa.float64(), "Lower end of the 95 % interval of its value."),
        column("hi", pa.float64(), "Upper end of the 95 % interval of its value."),
        column("n", pa.int64(), "Pictures behind its value.", "pictures"),
    ]
)


FILES = ("golden.csv", "golden.parquet", "golden.txt")


def table(golden: GoldenSeeds) -> pa.Table:
    """A row a seed, best first: where it stands in the table from which it was chosen."""
    rows = [
        {"seed": item.seed, "rank": item.rank, "value": item.value, "n": item.n}
        | ({} if item.interval is None else dict(zip(("lo", "hi"), item.interval, strict=True)))
        for item in golden.why.standings
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def line(golden: GoldenSeeds) -> str:
    """`17, 28, 3`: what the seed field of A1111's X/Y/Z plot takes, and what scripts for ComfyUI split at commas."""
    return ", ".join(map(str, golden.seeds))


def save_lists(golden: GoldenSeeds, folder: Path) -> list[Path]:
    """Write `golden.csv`, `golden.parquet` and `golden.txt`; return their paths.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    rows = table(golden)
    writers: tuple[Callable[[Path], object], ...] = (
        partial(csv.write_csv, rows),
        partial(pq.write_table, rows),
        lambda path: path.write_text(f"{line(golden)}\n{settings(golden)}\n", encoding="ascii"),
    )
    for name, write in zip(FILES, writers, strict=True):
        with replacing(folder / name) as scratch:
            write(scratch)
    return [folder / name for name in FILES]
