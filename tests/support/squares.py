"""A stage of plain arithmetic, whose units can be told to misbehave: for tests of what runs stages."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa
import waiting
from ray import cloudpickle
from waiting import until

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Json, UnitShape
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

# Workers cannot import a test module: send them its classes whole.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(waiting)

SCHEMA = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field("value", pa.int64())])


def units(count: int) -> list[Unit]:
    """So many units of two prompts and two seeds."""
    return plan([Edition((prompt("a"), prompt("b")), tuple(range(2 * count)))], UnitShape(prompts=2, seeds=2))


@dataclass
class Squares(Stage):
    """Squares its seeds; it is open as it stands.

    trouble: unit, or "open", -> what goes wrong. times: how often it does. pause: seconds a unit. on: what it works on.
    waits: unit -> a file that is there before it ends. together: no unit ends before so many processes have begun one.
    """

    table: Table
    trouble: dict[str, str] = field(default_factory=dict)
    times: int = 1000
    pause: float = 0.0
    on: Literal["cpu", "gpu"] = "cpu"
    waits: dict[str, str] = field(default_factory=dict)
    together: int = 1

    @classmethod
    def at(cls, folder: Path, name: str = "squares", **options: object) -> "Squares":
        return cls(Table(folder / f"{name}-0", SCHEMA), **options)  # type: ignore[arg-type]

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def needs(self) -> Literal["cpu", "gpu"]:
        return self.on

    def memory(self) -> int:
        return 2**28

    def uses_torch(self) -> bool:
        return False  # which a worker takes seconds to load

    def open(self) -> "Squares":
        self._misbehave("open")
        return self

    def run(
        self, unit: Unit, tables: Sequence[Table], smaller: int = 1
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        time.sleep(self.pause)
        self._misbehave(unit.name)
        until(lambda: len(self.processes()) >= self.together, f"{self.together} processes are at {self.table.name}")
        if awaited := self.waits.get(unit.name):
            until(Path(awaited).exists, f"{awaited} is there")
        rows = [
            {"prompt_id": item.id, "seed": seed, "status": "ok", "error": None, "value": seed**2}
            for item, seed in unit.cells
        ]
        for table in tables:
            yield table, pa.Table.from_pylist(rows, schema=SCHEMA), {"smaller": smaller, "visible": _gpus()}

    def _misbehave(self, what: str) -> None:
        notes = self._notes() / what
        notes.parent.mkdir(parents=True, exist_ok=True)
        with notes.open("a") as file:
            file.write(f"{os.getpid()}\n")
        trouble = self.trouble.get(what)
        if trouble is None or len(notes.read_text().splitlines()) > self.times:
            return
        if trouble == "die":
            time.sleep(0.3)  # so that what was done before is told, and not taken for lost with the process
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "hang":
            time.sleep(1000)
        if trouble == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
            return  # and publishes, if it is ever woken
        if trouble == "memory":
            raise MemoryError("there is none left")
        if trouble == "user":
            raise StorageError("there is no room")
        raise RuntimeError("it broke")

    def _notes(self) -> Path:
        return Path(self.table.storage.url).parent / f"tries of {self.table.name}"

    def tries(self) -> dict[str, int]:
        """How often each unit, and the stage, was begun."""
        return {path.name: len(path.read_text().splitlines()) for path in self._notes().iterdir()}

    def processes(self) -> set[str]:
        """The processes that have begun a unit."""
        begun = [path for path in self._notes().iterdir() if path.name != "open"]
        return {process for path in begun for process in path.read_text().splitlines()}

    def check(self, units: Sequence[Unit], but: Sequence[str] = ()) -> None:
        """Every unit is there once, whole and right, but for those named."""
        assert self.table.committed() == {unit.name for unit in units} - set(but)
        shards = {path.stem for path in Path(self.table.storage.url).glob("*.parquet")}
        assert shards == self.table.committed()
        for unit in units:
            if unit.name not in but:
                assert self.table.damage(unit.name, deep=True) is None
                assert self.table.read(unit.name)["value"].to_pylist() == [seed**2 for _, seed in unit.cells]


def _gpus() -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")
