"""Units with failed rows: which there are, and that they are taken back, to be made again."""

import pyarrow.compute as pc

from seedscope.analysis.run.run import BroughtInRun, Run
from seedscope.pipeline.tables.parquet import tuples
from seedscope.pipeline.tables.table import Table


def failing(run: Run) -> dict[Table, dict[str, int]]:
    """Table -> unit -> its failed rows, of the tables that have any.

    Pictures that were imported stay: `seedscope import` brings them. What was measured of a picture that failed has failed
    too, and goes with it; pictures that come out otherwise are measured again by `make`.

    Raises:
        CorruptShard: a receipt cannot be read.
    """
    found = {}
    for _, table, units in run.tables():
        if isinstance(run, BroughtInRun) and table is run.images:
            continue
        ledger = table.ledger("unit", "failed")
        own = {unit.name for unit in units}
        rows = {unit: rows for unit, rows in tuples(ledger.filter(pc.greater(ledger["failed"], 0))) if unit in own}
        if rows:
            found[table] = rows
    return found


def take_back(found: dict[Table, dict[str, int]]) -> None:
    """Revoke such units. For the process that holds the run."""
    for table, units in found.items():
        for unit in units:
            table.revoke(unit)
