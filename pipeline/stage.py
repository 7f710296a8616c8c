"""A stage turns a unit into one shard for each of its tables."""

import os
import platform
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import pyarrow as pa

from seedscope.pipeline.plan import Unit
from seedscope.pipeline.store import Receipt, Table
from seedscope.pipeline.study import Json


class Stage(ABC):
    """One step from units to shards. Cheap to make and to pickle; what is heavy is made by `open`, in the worker."""

    @property
    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """Where the shards go."""

    @abstractmethod
    def open(self) -> None:
        """Load what the stage needs; called once in each worker before the first unit."""

    @abstractmethod
    def run(self, unit: Unit, tables: Sequence[Table]) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        """Make the rows of a unit for those tables that lack them: (table, rows, how they were made)."""

    def memory(self) -> int:
        """Bytes of main memory that one worker needs, roughly."""
        return 2 * 2**30

    def done(self) -> set[str]:
        """The names of the units that every table has."""
        return set.intersection(*(table.committed() for table in self.tables))


def make(stage: Stage, unit: Unit) -> list[Receipt]:
    """Run an opened stage on a unit and publish what it lacks."""
    lacking = [table for table in stage.tables if not table.has(unit.name)]
    started, receipts = time.monotonic(), []
    for table, rows, made in stage.run(unit, lacking):
        seconds = round(time.monotonic() - started, 3)
        receipts.append(table.publish(unit, rows, made | {"seconds": seconds} | _here()))
    return receipts


def _here() -> dict[str, Json]:
    """The machine and the libraries, for the receipt."""
    import torch

    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **{name: version(name) for name in ("seedscope", "torch", "diffusers", "transformers", "pyarrow")},
    }
