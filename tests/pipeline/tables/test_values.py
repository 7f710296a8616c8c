"""A column of many shards: as rows have it, null where a row failed, and no damage passed over that a reader of rows sees."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_scores import UNITS, publish, scores

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables import table as tables
from seedscope.pipeline.tables.table import Table

NAMES = [unit.name for unit in UNITS]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return scores(tmp_path)


def test_values_are_those_of_the_rows(table: Table) -> None:
    for number, unit in enumerate(UNITS):
        publish(table, unit, [number + i / 10 for i in range(len(unit))])
    for some in (NAMES, NAMES[::-1], NAMES[1:2], []):
        found = [values.to_pylist() for values in table.values(some, "score")]
        assert found == [table.read(name)["score"].to_pylist() for name in some]


def test_what_failed_is_null_whatever_its_row_has(table: Table) -> None:
    unit = UNITS[0]
    publish(table, unit, [float(i) for i in range(len(unit))], failed=[1, 3])
    (found,) = table.values([unit.name], "score")
    assert found.to_pylist() == [None if i in (1, 3) else float(i) for i in range(len(unit))]
    assert table.read(unit.name)["score"].to_pylist()[3] == 3.0


def test_ids_are_not_read_and_status_only_where_something_failed(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    read_rows = tables.read_rows

    def watched(file: pq.ParquetFile, schema: pa.Schema, name: str, columns: list[str]) -> pa.Table:
        asked.append(columns)
        return read_rows(file, schema, name, columns)

    publish(table, UNITS[0], [1.0] * len(UNITS[0]))
    publish(table, UNITS[1], [1.0] * len(UNITS[1]), failed=[0])
    monkeypatch.setattr(tables, "read_rows", watched)
    list(table.values(NAMES[:2], "score"))
    assert sorted(asked) == [["score"], ["status", "score"]]


def test_a_flipped_byte_of_the_column_stops_whom_it_stops_who_reads_rows(table: Table) -> None:
    unit = UNITS[0]
    publish(table, unit, [float(i) for i in range(len(unit))])
    path = Path(table.shard(unit.name))
    whole = path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(0).column(table.schema.get_field_index("score"))
    start, stop = column.data_page_offset, column.data_page_offset + column.total_compressed_size
    seen = 0
    for at in range(start, stop):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        damaged = stops(lambda: table.read(unit.name, ["prompt_id", "seed", "status", "score"]))
        assert stops(lambda: list(table.values([unit.name], "score"))) == damaged
        seen += damaged
    assert seen > (stop - start) / 2  # all but some of the page's header, which has no checksum
    path.write_bytes(whole)
    assert not stops(lambda: list(table.values([unit.name], "score")))


def stops(read: Callable[[], object]) -> bool:
    try:
        read()
    except CorruptShard:
        return True
    return False


def gone(table: Table, unit: Unit) -> None:
    Path(table.shard(unit.name)).unlink()


def cut_off(table: Table, unit: Unit) -> None:
    path = Path(table.shard(unit.name))
    path.write_bytes(path.read_bytes()[:-100])


def of_another_unit(table: Table, unit: Unit) -> None:
    Path(table.shard(unit.name)).write_bytes(Path(table.shard(UNITS[2].name)).read_bytes())


def without_receipt(table: Table, unit: Unit) -> None:
    table.storage.beside("receipts").delete(f"{table.name}/{unit.name}.json")


def of_another_schema(table: Table, unit: Unit) -> None:
    pq.write_table(
        table.read(unit.name).rename_columns(["prompt_id", "seed", "status", "error", "other"]), table.shard(unit.name)
    )


@pytest.mark.parametrize("spoil", [gone, cut_off, of_another_unit, without_receipt, of_another_schema])
def test_a_damaged_shard_stops_the_reader_in_its_place(table: Table, spoil: Callable[[Table, Unit], None]) -> None:
    for unit in UNITS:
        publish(table, unit, [1.0] * len(unit))
    spoil(table, UNITS[1])
    found = table.values(NAMES, "score")
    assert next(found).to_pylist() == [1.0] * len(UNITS[0])
    with pytest.raises(CorruptShard, match=NAMES[1]):
        next(found)
