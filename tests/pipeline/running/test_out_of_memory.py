"""Host memory runs out for real: Ray kills the worker, and its unit is begun again with half the microbatch."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest
import ray
from ray import cloudpickle
from squares import Squares, units

from seedscope.pipeline.running.runner import Executor, Unwatched, Work, run_all
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.table import Table

cloudpickle.register_pickle_by_value(sys.modules[__name__])

GIB = 2**30
UNITS = units(4)
ALLOWED, TAKEN = 4 * GIB, 6 * GIB
"""Bytes beyond what is in use that Ray is to allow, and that a stage takes."""


class Hungry(Squares):
    """Takes more than there is for one of its units, if it has the whole microbatch."""

    def run(
        self, unit: Unit, tables: Sequence[Table], smaller: int = 1
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        if unit.name == UNITS[1].name and smaller == 1:
            taken = np.ones(TAKEN, np.uint8)
            time.sleep(60)
            del taken
        yield from super().run(unit, tables, smaller)


class Teller(Unwatched):
    def __init__(self) -> None:
        self.retries: list[tuple[str, str]] = []

    def retried(self, work: str, unit: str, reason: str) -> None:
        self.retries.append((unit, reason))


@pytest.fixture
def _little_memory() -> Iterator[None]:
    memory = psutil.virtual_memory()
    if memory.available < 2 * TAKEN:
        pytest.skip(f"takes {2 * TAKEN // GIB} GiB of free memory")
    allowed = (memory.total - memory.available + ALLOWED) / memory.total
    settings = {"memory_usage_threshold": round(allowed, 3), "memory_monitor_refresh_ms": 100}
    ray.init(
        address="local", num_cpus=1, include_dashboard=False, object_store_memory=100 * 2**20, _system_config=settings
    )
    yield
    ray.shutdown()


@pytest.mark.usefixtures("_little_memory")
def test_a_unit_that_takes_too_much_has_half_the_microbatch(tmp_path: Path) -> None:
    stage, watch = Hungry.at(tmp_path), Teller()
    outcome = run_all([Work("squares", stage, UNITS)], Executor("ray", workers=1, threads=1), watch)["squares"]
    assert (outcome.made, outcome.quarantined) == (4, {})
    assert (UNITS[1].name, "its worker was killed, as memory ran out on its node") in watch.retries
    assert stage.table.receipt(UNITS[1].name).made["smaller"] == 2
    stage.check(UNITS)
