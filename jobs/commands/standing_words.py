"""How far a run is, in lines: a name that a person may copy is never cut, and stands at the start of its line."""

from collections.abc import Iterator

from seedscope.jobs.work.pace import told_rate, told_time
from seedscope.jobs.work.standing import NAMED, Standing, TableStanding


def told(standing: Standing) -> list[str]:
    """All of it."""
    return [*_heading(standing), *_tables(standing), *_workers(standing), *_troubles(standing)]


def told_briefly(table: TableStanding) -> str:
    """A table in one line, for logs."""
    return f"{table.table}: {', '.join(_parts(table))}"


def _heading(standing: Standing) -> Iterator[str]:
    yield f"{standing.study} in {standing.folder}"
    yield f"{standing.driver} works on it." if standing.driver else "Nobody works on it."


def _tables(standing: Standing) -> Iterator[str]:
    for table in standing.tables:
        yield table.table
        yield f"  {table.stage}: {table.units_done:,} of {table.units:,} units, {', '.join(_parts(table))}"


def _parts(table: TableStanding) -> Iterator[str]:
    yield f"{table.cells_done:,} of {table.cells:,} cells"
    yield f"{table.cells_failed:,} failed"
    yield f"{table.bytes / 1e6:,.1f} MB"
    if table.units_given_up:
        yield f"{table.units_given_up:,} units given up"
    if table.rate:
        yield told_rate(table.rate)
    if table.seconds_left is not None:
        yield f"{told_time(table.seconds_left)} left"


def _workers(standing: Standing) -> Iterator[str]:
    if standing.workers:
        yield "Workers of the last minutes:"
    for worker in standing.workers:
        yield f"  {worker.worker}  {worker.stage}, {told_rate(worker.rate)}"


def _troubles(standing: Standing) -> Iterator[str]:
    if standing.failed:
        yield f"Failed cells, the first {NAMED} of each table:"
    for cell in standing.failed:
        yield f"  {cell.table}: {cell.prompt!r} with seed {cell.seed}: {cell.error}"
    if standing.given_up:
        yield f"Units given up, the first {NAMED} of each table; the same command tries them again:"
    for unit in standing.given_up:
        yield f"  {unit.table}: {unit.unit}: {unit.reason}"
