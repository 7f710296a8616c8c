"""A shard that is written row group by row group is the very file that its rows make at once."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedscope.pipeline.tables.parquet import ROW_GROUP, Groups, write_parquet
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA


def rows(count: int, longest: int) -> pa.Table:
    random = np.random.default_rng(count)
    pictures = [
        {"bytes": random.bytes(int(random.integers(1, longest))), "path": f"{at}.webp"} if at % 7 else None
        for at in range(count)
    ]
    columns = {
        "prompt_id": [f"p{at % 32}" for at in range(count)],
        "prompt": [f"prompt {at % 32}" for at in range(count)],
        "seed": list(range(count)),
        "image": pictures,
        "status": ["ok" if picture else "failed" for picture in pictures],
        "error": [None if picture else "no such file" for picture in pictures],
    }
    return pa.table([pa.array(columns[item.name], item.type) for item in IMAGE_SCHEMA], IMAGE_SCHEMA)


def at_once(whole: pa.Table, path: Path) -> bytes:
    """As shards were written before there were groups."""
    columns = ["prompt_id", "prompt", "seed", "status", "error"]
    pq.write_table(
        whole,
        path,
        row_group_size=ROW_GROUP,
        compression=dict.fromkeys(columns, "ZSTD") | {"image.bytes": "NONE", "image.path": "NONE"},
        use_dictionary=["prompt_id", "prompt", "seed", "status"],
        write_page_index=True,
        write_page_checksum=True,
    )
    return path.read_bytes()


@pytest.mark.parametrize("longest", [100, 300_000])
@pytest.mark.parametrize("count", [1, ROW_GROUP, ROW_GROUP + 1, 3 * ROW_GROUP - 1])
def test_row_groups_one_after_the_other_make_the_same_file(tmp_path: Path, count: int, longest: int) -> None:
    whole = rows(count, longest)
    groups = Groups(
        pa.Table.from_pylist(whole[at : at + ROW_GROUP].to_pylist(), IMAGE_SCHEMA) for at in range(0, count, ROW_GROUP)
    )
    write_parquet(groups, IMAGE_SCHEMA, tmp_path / "groups")
    write_parquet(Groups.of(whole), IMAGE_SCHEMA, tmp_path / "whole")
    assert (tmp_path / "groups").read_bytes() == (tmp_path / "whole").read_bytes()
    assert (tmp_path / "groups").read_bytes() == at_once(whole, tmp_path / "former")
