"""How far a run is, by its receipts alone: they can be read while it goes on, and from another machine."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from seedscope.analysis.run.parts import stopped_without_list
from seedscope.analysis.run.run import Run
from seedscope.jobs.work.pace import LEDGER, Made, Pace
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import no_garbage_collection
from seedscope.pipeline.tables.table import Table

NAMED = 10


@dataclass(frozen=True)
class TableStatus:
    """How far a table is. rate: cells a second in the last minutes; None where nothing was finished in them."""

    stage: str
    table: str
    units: int
    units_done: int
    cells: int
    cells_done: int
    cells_failed: int
    units_given_up: int
    bytes: int
    rate: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class WorkerStatus:
    """A worker (`host:process`) that finished something in the last minutes, and its cells a second."""

    stage: str
    worker: str
    rate: float


@dataclass(frozen=True)
class FailedCell:
    """A cell that has a row with an error. prompt: its text."""

    table: str
    prompt: str
    seed: int
    error: str


@dataclass(frozen=True)
class GivenUp:
    """A unit that failed over and over when it was last tried."""

    table: str
    unit: str
    reason: str


@dataclass(frozen=True)
class RunStatus:
    """How far a run is. driver: who works on it now; failed, given_up: the first ones of each table. race: of a sweep, the
    round that it is in, in words; rounds_to_come: how many come after that, its confirmation among them."""

    study: str
    folder: str
    driver: str | None
    tables: list[TableStatus] = field(default_factory=list)
    workers: list[WorkerStatus] = field(default_factory=list)
    failed: list[FailedCell] = field(default_factory=list)
    given_up: list[GivenUp] = field(default_factory=list)
    race: str | None = None
    rounds_to_come: int = 0

    @property
    def finished(self) -> bool:
        """Whether every table has all its units, and no round comes."""
        return self.rounds_to_come == 0 and all(table.units_done == table.units for table in self.tables)

    @property
    def over(self) -> bool:
        """Whether nothing more comes: all is finished, or its driver has gone and left only what it had given up."""
        without_pictures = self.tables[0].units_given_up
        left = [table.units - table.units_done - table.units_given_up for table in self.tables]
        return self.finished or (self.driver is None and left[0] == 0 and max(left) <= without_pictures)


@no_garbage_collection()
def standing(run: Run) -> RunStatus:
    """Read the receipts of a run.

    Raises:
        UserError: a receipt cannot be read.
        CorruptShard: a shard with failed cells cannot be read.
    """
    tables = run.tables()
    found = RunStatus(run.study.name, run.folder.storage.url, run.folder.storage.holder())
    if run.race is not None:
        stopped = stopped_without_list(run)
        said = "; stopped there without a list, golden.json says why" if stopped else ""
        to_come = 0 if stopped else run.race.rounds_to_come
        found = replace(found, race=f"{run.race.describe()}{said}", rounds_to_come=to_come)
    ledgers = [_ledger(table, units) for _, table, units in tables]
    made = [Made.read(ledger) for ledger in ledgers]
    # The clock of a worker may be ahead of this machine's.
    now = max([time.time(), *(one.finished for some in made for one in some)])
    stages: dict[str, list[Made]] = {}
    for (stage, table, units), ledger, units_made in zip(tables, ledgers, made, strict=True):
        given_up = table.given_up()
        found.tables.append(_table(stage, table, units, ledger, len(given_up), Pace(units_made), now))
        found.failed.extend(_failed(table, units, ledger))
        found.given_up.extend(GivenUp(table.name, *item) for item in islice(given_up.items(), NAMED))
        # The tables of a stage are made together: its workers' rates are those of the table that is furthest on.
        stages[stage] = max(stages.get(stage, []), units_made, key=len)
    for stage, units_made in stages.items():
        rates = Pace(units_made).workers(now)
        found.workers.extend(WorkerStatus(stage, worker, rate) for worker, rate in rates.items())
    return found


def _ledger(table: Table, units: Sequence[Unit]) -> pa.Table:
    """What the receipts say of those units that are committed."""
    try:
        rows = table.ledger("unit", "failed", "bytes", *LEDGER)
    except CorruptShard as error:
        raise UserError(f"{error}. `seedscope verify` takes it back, and the next run makes its unit anew.") from error
    return rows.filter(pc.is_in(rows["unit"], pa.array([unit.name for unit in units], pa.string())))


def _table(
    stage: str, table: Table, units: Sequence[Unit], ledger: pa.Table, given_up: int, pace: Pace, now: float
) -> TableStatus:
    cells, done = sum(map(len, units)), _sum(ledger["rows"])
    rate = pace.rate(now) if done < cells else None
    return TableStatus(
        stage=stage,
        table=table.name,
        units=len(units),
        units_done=ledger.num_rows,
        cells=cells,
        cells_done=done,
        cells_failed=_sum(ledger["failed"]),
        units_given_up=given_up,
        bytes=_sum(ledger["bytes"]),
        rate=rate,
        seconds_left=(cells - done) / rate if rate else None,
    )


def _sum(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column, min_count=0).as_py())


def _failed(table: Table, units: Sequence[Unit], ledger: pa.Table) -> Iterator[FailedCell]:
    """The first cells of a table that failed."""
    names = set(ledger.filter(pc.greater(ledger["failed"], 0))["unit"].to_pylist())
    failing = (unit for unit in units if unit.name in names)
    return islice((cell for unit in failing for cell in _failed_in(table, unit)), NAMED)


def _failed_in(table: Table, unit: Unit) -> Iterator[FailedCell]:
    texts = {prompt.id: prompt.text for prompt in unit.prompts}
    for row in table.read(unit.name, ["prompt_id", "seed", "status", "error"]).to_pylist():
        if row["status"] != "ok":
            yield FailedCell(table.name, texts[row["prompt_id"]], row["seed"], row["error"])
