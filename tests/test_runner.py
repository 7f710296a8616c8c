"""Stages on real Ray workers: failures are retried, blamed on the right unit, and named; the rest goes on."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
import ray
from ray import cloudpickle

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.plan import Edition, Unit, plan
from seedscope.pipeline.prompts import prompt
from seedscope.pipeline.runner import Executor, Outcome, run_stage
from seedscope.pipeline.stage import Stage
from seedscope.pipeline.store import CELL_FIELDS, STATUS_FIELDS, Receipt, Table
from seedscope.pipeline.study import Json, UnitShape

# Workers cannot import a test module: send them its classes whole.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

SCHEMA = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field("value", pa.int64())])


@dataclass
class Squares(Stage):
    """Squares its seeds. Units can be told to misbehave: always, or as often as `times` says."""

    table: Table
    trouble: dict[str, str]
    times: int = 1000
    pause: float = 0.0

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def open(self) -> None:
        if self.trouble.get("open") == "user":
            raise StorageError("there is no room")

    def run(self, unit: Unit, tables: Sequence[Table]) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        time.sleep(self.pause)
        self._misbehave(unit)
        rows = [
            {"prompt_id": item.id, "seed": seed, "status": "ok", "error": None, "value": seed**2}
            for item, seed in unit.cells()
        ]
        for table in tables:
            yield table, pa.Table.from_pylist(rows, schema=SCHEMA), {}

    def _misbehave(self, unit: Unit) -> None:
        tries = self.table.folder.parent / "tries" / unit.name
        tries.parent.mkdir(parents=True, exist_ok=True)
        with tries.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if unit.name in self.trouble and len(tries.read_text().splitlines()) <= self.times:
            if self.trouble[unit.name] == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.trouble[unit.name] == "user":
                raise StorageError("there is no room")
            raise RuntimeError("it broke")


UNITS = plan([Edition((prompt("a"), prompt("b")), tuple(range(16)))], UnitShape(prompts=2, seeds=2))
RAY = Executor("ray", workers=2, threads=1)
INLINE = Executor("inline", threads=1)


def quiet(unit: Unit, receipts: Sequence[Receipt]) -> None: ...


def stage(folder: Path, trouble: dict[str, str] | None = None, times: int = 1000, pause: float = 0.0) -> Squares:
    return Squares(Table(folder / "squares-0", SCHEMA), trouble or {}, times, pause)


def tries(folder: Path) -> dict[str, int]:
    return {path.name: len(path.read_text().splitlines()) for path in (folder / "tries").iterdir()}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    yield
    ray.shutdown()


def check_all_there_once(table: Table, but: Sequence[str] = ()) -> None:
    assert table.committed() == {unit.name for unit in UNITS} - set(but)
    for unit in UNITS:
        if unit.name not in but:
            assert table.damage(unit.name, deep=True) is None
            assert table.read(unit.name)["value"].to_pylist() == [seed**2 for _, seed in unit.cells()]


@pytest.mark.parametrize("executor", [INLINE, RAY], ids=["inline", "ray"])
def test_all_units_are_made_and_none_again(tmp_path: Path, executor: Executor) -> None:
    seen: list[str] = []
    outcome = run_stage(stage(tmp_path), UNITS, executor, lambda unit, receipts: seen.append(unit.name))
    assert len(outcome.receipts) == len(UNITS) and outcome.quarantined == {}
    assert sorted(seen) == [unit.name for unit in UNITS]
    check_all_there_once(stage(tmp_path).table)
    assert run_stage(stage(tmp_path), UNITS, executor, quiet) == Outcome()
    assert set(tries(tmp_path).values()) == {1}


def test_ray_and_inline_write_the_same_bytes(tmp_path: Path) -> None:
    for name, executor in (("a", INLINE), ("b", RAY)):
        run_stage(stage(tmp_path / name), UNITS, executor, quiet)
    for unit in UNITS:
        one, other = (stage(tmp_path / name).table.shard(unit.name).read_bytes() for name in "ab")
        assert one == other


@pytest.mark.parametrize("executor", [INLINE, RAY], ids=["inline", "ray"])
def test_a_unit_that_fails_once_is_tried_again(tmp_path: Path, executor: Executor) -> None:
    outcome = run_stage(stage(tmp_path, {UNITS[3].name: "raise"}, times=2), UNITS, executor, quiet)
    assert outcome.quarantined == {} and tries(tmp_path)[UNITS[3].name] == 3
    check_all_there_once(stage(tmp_path).table)


@pytest.mark.parametrize("executor", [INLINE, RAY], ids=["inline", "ray"])
def test_a_poisoned_unit_is_quarantined_and_the_rest_goes_on(tmp_path: Path, executor: Executor) -> None:
    outcome = run_stage(stage(tmp_path, {UNITS[3].name: "raise"}), UNITS, executor, quiet)
    assert outcome.quarantined == {UNITS[3].name: "RuntimeError: it broke"}
    assert tries(tmp_path)[UNITS[3].name] == 3
    check_all_there_once(stage(tmp_path).table, but=[UNITS[3].name])


def test_a_unit_that_kills_its_worker_is_quarantined_and_its_neighbours_are_not(tmp_path: Path) -> None:
    outcome = run_stage(stage(tmp_path, {UNITS[0].name: "die"}), UNITS, RAY, quiet)
    assert list(outcome.quarantined) == [UNITS[0].name]
    assert "worker died" in outcome.quarantined[UNITS[0].name]
    assert tries(tmp_path)[UNITS[0].name] == 3
    check_all_there_once(stage(tmp_path).table, but=[UNITS[0].name])


def test_two_deadly_units_on_one_worker(tmp_path: Path) -> None:
    one_worker = Executor("ray", workers=1, threads=1)
    deadly = {UNITS[0].name: "die", UNITS[1].name: "die"}
    outcome = run_stage(stage(tmp_path, deadly), UNITS, one_worker, quiet)
    assert set(outcome.quarantined) == set(deadly)
    check_all_there_once(stage(tmp_path).table, but=list(deadly))


def test_workers_killed_from_outside_lose_nothing(tmp_path: Path) -> None:
    kills = 0

    def kill_its_maker(unit: Unit, receipts: Sequence[Receipt]) -> None:
        nonlocal kills
        if unit.name in (UNITS[1].name, UNITS[4].name):
            kills += 1
            os.kill(int(str(receipts[0].made["process"])), signal.SIGKILL)

    outcome = run_stage(stage(tmp_path, pause=0.2), UNITS, RAY, kill_its_maker)
    assert kills == 2 and outcome.quarantined == {}
    check_all_there_once(stage(tmp_path).table)


@pytest.mark.parametrize("executor", [INLINE, RAY], ids=["inline", "ray"])
@pytest.mark.parametrize("where", ["open", UNITS[2].name])
def test_what_trying_again_would_not_mend_stops_the_run(tmp_path: Path, executor: Executor, where: str) -> None:
    with pytest.raises(StorageError, match="there is no room"):
        run_stage(stage(tmp_path, {where: "user"}), UNITS, executor, quiet)
    assert tries(tmp_path).get(UNITS[2].name, 0) <= 1 if (tmp_path / "tries").exists() else True
