"""A stage turns a unit into one shard for each of its tables."""

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Literal, Protocol

import pyarrow as pa

from seedscope.pipeline.running.machine import host, machine
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.parquet import Groups, Rows
from seedscope.pipeline.tables.receipts import Receipt
from seedscope.pipeline.tables.table import Table


class OpenStage(Protocol):
    """A stage with all that it needs loaded: it makes units, and stays in the worker that opened it."""

    @property
    def tables(self) -> Sequence[Table]:
        """Where the shards go."""

    def run(
        self, unit: Unit, tables: Sequence[Table], smaller: int = 1
    ) -> Iterator[tuple[Table, Rows, dict[str, Json]]]:
        """Make the rows of a unit for those tables, one at least, that lack them: (table, rows, how they were made).

        Rows that are made group by group may add to how they were made until the last group is there.

        Args:
            smaller: what microbatches are to be divided by: 2 or more after attempts for which memory may not have
                sufficed.
        """


class Stage(ABC):
    """One step from units to shards, before it is open: cheap to make and to pickle. What is heavy is made by `open`."""

    @property
    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """Where the shards go."""

    @abstractmethod
    def open(self) -> OpenStage:
        """Load what the stage needs; called once in each worker before the first unit."""

    def needs(self) -> Literal["cpu", "gpu"]:
        """Whether the stage works on a GPU, where there is one."""
        return "cpu"

    def uses_torch(self) -> bool:
        """Whether it computes with torch. A process that has no such stage does not load it: that takes half a GB."""
        return True

    def workers_a_node(self) -> int | None:
        """How many workers a node is to have at most, whatever room there is; None: as many as fit."""
        return None

    def memory(self) -> int:
        """Bytes of main memory that one worker needs, roughly."""
        return 2 * 2**30

    def done(self) -> set[str]:
        """The names of the units that every table has."""
        return set.intersection(*(table.committed() for table in self.tables))


def make(stage: OpenStage, unit: Unit) -> list[Receipt]:
    """Run a stage on a unit and publish what it lacks."""
    return [receipt for _, receipt in publish(stage, unit)]


def publish(stage: OpenStage, unit: Unit, attempt: int = 1, smaller: int = 1) -> Iterator[tuple[Table, Receipt]]:
    """As `make`, table by table: what stands before an exception is published."""
    lacking = [table for table in stage.tables if not table.has(unit.name)]
    if not lacking:
        return
    started = time.monotonic()
    for table, rows, made in stage.run(unit, lacking, smaller):
        made["attempt"] = attempt
        groups = Groups.of(rows).through(partial(_stamped, made, started))
        yield table, table.publish(unit, groups, made)


def _stamped(made: dict[str, Json], started: float, groups: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The groups; when all of them are there, when and where that was is added to how they were made."""
    yield from groups
    made["seconds"] = round(time.monotonic() - started, 3)
    made["finished"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    made |= _here()


def _here() -> dict[str, Json]:
    """The process, the machine and the libraries, for the receipt: what torch tells of them where a stage has loaded it."""
    if (torch := sys.modules.get("torch")) is None:
        return {"process": os.getpid(), **host()}
    return {"process": os.getpid(), "threads": torch.get_num_threads(), **machine()}
