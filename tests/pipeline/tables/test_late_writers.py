"""A writer that comes late takes nothing from a unit that is committed. All schedules: benchmarks/late_writers.py."""

from itertools import product
from pathlib import Path

import pytest
from small_shards import UNIT, rows
from two_writers import images, trouble

from seedscope.pipeline.storage.local import LocalStorage


@pytest.mark.parametrize(("first", "second"), list(product((1, 2, 4, 5), (1, 2, 4, 5, 6))))
def test_two_writers_with_other_bytes_leave_one_whole_unit(tmp_path: Path, first: int, second: int) -> None:
    assert trouble(tmp_path, first, second) is None


def test_what_is_left_of_a_writer_with_other_bytes_stays_until_the_unit_is_made_and_goes_then(tmp_path: Path) -> None:
    table = images(LocalStorage(tmp_path))
    plain = Path(table.shard(UNIT.name))
    plain.parent.mkdir(parents=True)
    plain.write_bytes(b"half")
    table.clear_scratch()
    assert plain.read_bytes() == b"half"  # its writer may be just about to commit it
    receipt = table.publish(UNIT, rows(), {})
    assert plain.read_bytes() == b"half" and receipt.shard is not None and table.read(UNIT.name).equals(rows())
    table.clear_scratch()
    assert not plain.exists() and table.damage(UNIT.name, deep=True) is None
    table.revoke(UNIT.name)
    assert not list(plain.parent.glob("*.parquet"))
    assert table.publish(UNIT, rows(), {}).shard is None and plain.exists()
