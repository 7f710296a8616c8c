"""Units with failed rows are taken back, to be made again."""

import pyarrow.compute as pc

from seedscope.analysis.run.run import BroughtInRun, Run
from seedscope.pipeline.tables.parquet import tuples


def take_back_failed(run: Run) -> dict[str, tuple[int, int]]:
    """Revoke every unit that has a failed row. For the process that holds the run.

    Pictures that were imported stay: `seedscope import` brings them. What was measured of a picture that failed has failed
    too, and goes with it; pictures that come out otherwise are measured again by `make`.

    Returns:
        Table -> (units, failed rows in them), of the tables that have any.

    Raises:
        CorruptShard: a receipt cannot be read.
    """
    found = {}
    for _, table, units in run.tables():
        if isinstance(run, BroughtInRun) and table is run.images:
            continue
        ledger = table.ledger("unit", "failed")
        own = {unit.name for unit in units}
        failing = {unit: rows for unit, rows in tuples(ledger.filter(pc.greater(ledger["failed"], 0))) if unit in own}
        for unit in failing:
            table.revoke(unit)
        if failing:
            found[table.name] = len(failing), sum(failing.values())
    return found
