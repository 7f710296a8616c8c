"""Stages on real Ray workers: failures are retried, blamed on the right unit, and named; the rest goes on."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import ray
from squares import Squares, units
from waiting import until

from seedscope.pipeline.errors import StorageError, UserError
from seedscope.pipeline.running import workers
from seedscope.pipeline.running.runner import Executor, Outcome, Unwatched, Work, run_all
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt

Told = Callable[[Unit, Sequence[Receipt]], None]
UNITS = units(8)
RAY = Executor("ray", workers=2, threads=1)
INLINE = Executor("inline", threads=1)
BOTH = pytest.mark.parametrize("executor", [INLINE, RAY], ids=["inline", "ray"])


class Teller(Unwatched):
    """Calls a function with each unit that was made, and keeps what else it is told."""

    def __init__(self, told: Told | None) -> None:
        self.told, self.retries, self.notes = told, list[tuple[str, str]](), list[str]()

    def __call__(self, work: str, units: Sequence[Unit]) -> Told:
        return self.told or super().__call__(work, units)

    def retried(self, work: str, unit: str, reason: str) -> None:
        self.retries.append((unit, reason))

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(stage: Squares, executor: Executor, told: Told | None = None) -> Outcome:
    """Make what is not done yet; `told` is called with each unit that was made and its receipts."""
    done = stage.done()
    todo = [unit for unit in UNITS if unit.name not in done]
    return run_all([Work("squares", stage, todo)], executor, Teller(told))["squares"]


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    options = {"include_dashboard": False, "log_to_driver": False, "object_store_memory": 100 * 2**20}
    ray.init(address="local", num_cpus=2, num_gpus=1, resources={"slow": 1}, **options)
    yield
    ray.shutdown()


@BOTH
def test_all_units_are_made_and_none_again(tmp_path: Path, executor: Executor) -> None:
    seen: list[str] = []
    stage = Squares.at(tmp_path)
    assert run(stage, executor, lambda unit, receipts: seen.append(unit.name)) == Outcome(len(UNITS))
    assert sorted(seen) == [unit.name for unit in UNITS]
    stage.check(UNITS)
    assert run(stage, executor) == Outcome()
    tries = stage.tries()
    assert {tries[unit.name] for unit in UNITS} == {1}


def test_ray_and_inline_write_the_same_bytes(tmp_path: Path) -> None:
    one, other = Squares.at(tmp_path / "a"), Squares.at(tmp_path / "b")
    for stage, executor in ((one, INLINE), (other, RAY)):
        run(stage, executor)
    for unit in UNITS:
        assert Path(one.table.shard(unit.name)).read_bytes() == Path(other.table.shard(unit.name)).read_bytes()


@BOTH
def test_a_unit_that_fails_twice_is_tried_again(tmp_path: Path, executor: Executor) -> None:
    stage = Squares.at(tmp_path, trouble={UNITS[3].name: "raise"}, times=2)
    watch = Teller(None)
    outcome = run_all([Work("squares", stage, UNITS)], executor, watch)["squares"]
    assert outcome.quarantined == {} and watch.retries == [(UNITS[3].name, "RuntimeError: it broke")] * 2
    attempts = [stage.table.receipt(unit.name).made["attempt"] for unit in UNITS]
    assert attempts == [1, 1, 1, 3, 1, 1, 1, 1]
    stage.check(UNITS)


@BOTH
def test_a_poisoned_unit_is_quarantined_and_the_rest_goes_on(tmp_path: Path, executor: Executor) -> None:
    stage = Squares.at(tmp_path, trouble={UNITS[3].name: "raise"})
    assert run(stage, executor) == Outcome(7, {UNITS[3].name: "RuntimeError: it broke"})
    assert stage.tries()[UNITS[3].name] == 3
    stage.check(UNITS, but=[UNITS[3].name])


def test_units_that_kill_their_worker_are_quarantined_and_their_neighbours_are_not(tmp_path: Path) -> None:
    deadly = {UNITS[0].name: "die", UNITS[1].name: "die"}
    stage = Squares.at(tmp_path, trouble=deadly)
    outcome = run(stage, Executor("ray", workers=1, threads=1))
    assert set(outcome.quarantined) == set(deadly) and "worker died" in outcome.quarantined[UNITS[0].name]
    assert [stage.tries()[unit.name] for unit in UNITS] == [3, 3, *[1] * 6]
    stage.check(UNITS, but=list(deadly))


def test_workers_killed_from_outside_lose_nothing(tmp_path: Path) -> None:
    kills = 0

    def kill_its_maker(unit: Unit, receipts: Sequence[Receipt]) -> None:
        nonlocal kills
        if unit.name in (UNITS[1].name, UNITS[4].name):
            kills += 1
            os.kill(int(str(receipts[0].made["process"])), signal.SIGKILL)

    stage = Squares.at(tmp_path, pause=0.2)
    assert run(stage, RAY, kill_its_maker) == Outcome(len(UNITS)) and kills == 2
    stage.check(UNITS)


class Leap:
    """A clock that stands still but for one leap, while a unit hangs: that alone is overdue, however slow the machine is.

    One worker makes units in order: once the driver was told of all before it, it waits for that one.
    """

    def __init__(self, stage: Squares, hangs: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stage, self._unit, self._seconds = stage, UNITS[hangs].name, seconds
        self._before, self._now = hangs, 0.0
        monkeypatch.setattr(workers, "awake", self)

    def told(self, *_: object) -> None:
        self._before -= 1
        if self._before == 0:
            until(lambda: self._unit in self._stage.tries(), f"{self._unit} is begun")
            self._now = self._seconds

    def __call__(self) -> float:
        return self._now


@pytest.mark.parametrize("how", ["hang", "stop"])
def test_a_unit_that_hangs_is_begun_again_by_another_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """`stop`: its process does not even hear that it is to end, wakes late, and loses."""
    stage = Squares.at(tmp_path, trouble={UNITS[2].name: how}, times=1)
    watch = Teller(Leap(stage, 2, 8.5, monkeypatch).told)
    outcome = run_all([Work("squares", stage, UNITS)], Executor("ray", workers=1, threads=1, deadline=8), watch)
    assert outcome["squares"] == Outcome(len(UNITS))
    assert dict(watch.retries)[UNITS[2].name] == "it was not done after 8 seconds, and its worker was killed"
    receipt = stage.table.receipt(UNITS[2].name)
    assert receipt.made["attempt"] == 2
    late = int((tmp_path / f"tries of {stage.table.name}" / UNITS[2].name).read_text().splitlines()[0])
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(late)
        process.send_signal(signal.SIGCONT)
        process.wait(300)
    stage.check(UNITS)
    assert stage.table.receipt(UNITS[2].name) == receipt


def test_without_a_deadline_units_have_a_multiple_of_what_others_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Squares.at(tmp_path, trouble={UNITS[6].name: "hang"}, times=1)
    clock = Leap(stage, 6, workers.LEAST_DEADLINE + 1, monkeypatch)
    assert run(stage, Executor("ray", workers=1, threads=1), clock.told) == Outcome(len(UNITS))
    tries = stage.tries()
    assert [tries[unit.name] for unit in UNITS] == [1] * 6 + [2, 1]


@BOTH
def test_where_memory_runs_out_half_the_batch_is_tried_and_recorded(tmp_path: Path, executor: Executor) -> None:
    stage = Squares.at(tmp_path, trouble={UNITS[1].name: "memory"}, times=2)
    assert run(stage, executor) == Outcome(len(UNITS))
    assert [stage.table.receipt(unit.name).made["smaller"] for unit in UNITS] == [1, 4, 1, 1, 1, 1, 1, 1]


def test_a_unit_whose_worker_dies_twice_has_half_the_batch(tmp_path: Path) -> None:
    stage = Squares.at(tmp_path, trouble={UNITS[0].name: "die"}, times=2)
    assert run(stage, RAY) == Outcome(len(UNITS))
    assert stage.table.receipt(UNITS[0].name).made["smaller"] == 2


@BOTH
@pytest.mark.parametrize("where", ["open", UNITS[2].name])
def test_what_trying_again_would_not_fix_stops_the_run(tmp_path: Path, executor: Executor, where: str) -> None:
    stage = Squares.at(tmp_path, trouble={where: "user"})
    with pytest.raises(StorageError, match="there is no room"):
        run(stage, executor)
    assert stage.tries().get(UNITS[2].name, 0) <= 1


def test_a_stage_that_nobody_can_open_blames_no_unit(tmp_path: Path) -> None:
    stage = Squares.at(tmp_path, trouble={"open": "die"})
    with pytest.raises(UserError, match="workers cannot open the stage 'squares': its worker died"):
        run(stage, RAY)
    assert stage.tries() == {"open": pytest.approx(4, abs=1)}


# --- several stages


@BOTH
def test_workers_go_on_with_what_comes_and_load_nothing_anew(tmp_path: Path, executor: Executor) -> None:
    stage = Squares.at(tmp_path)
    coming = iter([[Work("squares", stage, UNITS[2:4])], [Work("squares", stage, UNITS[4:])]])
    first = Work("squares", stage, UNITS[:2], expected=4)
    outcomes = run_all([first], executor, more=lambda: next(coming, None))
    assert outcomes["squares"] == Outcome(len(UNITS))
    stage.check(UNITS)
    assert stage.tries()["open"] <= (executor.workers or 1)


@BOTH
def test_what_comes_after_a_unit_that_is_given_up_is_not_tried_and_not_blamed(
    tmp_path: Path, executor: Executor
) -> None:
    first = Squares.at(tmp_path, "first", trouble={UNITS[2].name: "raise"})
    second = Squares.at(tmp_path, "second", trouble={UNITS[4].name: "raise"})
    works = [Work("first", first, UNITS[1:]), Work("second", second, UNITS, after="first")]
    outcomes = run_all(works, executor)
    assert outcomes["first"] == Outcome(6, {UNITS[2].name: "RuntimeError: it broke"})
    assert outcomes["second"] == Outcome(6, {UNITS[4].name: "RuntimeError: it broke"})
    assert UNITS[2].name not in second.tries()
    second.check(UNITS, but=[UNITS[2].name, UNITS[4].name])


def test_stages_with_resources_of_their_own_overlap(tmp_path: Path) -> None:
    """Units are finished while others are begun: the first stage does not go on before the second has made one."""
    second = Squares.at(tmp_path, "second")
    first = Squares.at(
        tmp_path, "first", waits={UNITS[5].name: f"{tmp_path}/receipts/{second.table.name}/{UNITS[0].name}.json"}
    )
    works = [Work("first", first, UNITS), Work("late second", second, UNITS, after="first")]
    executor = Executor("ray", workers=1, threads=1, resources={"late": {"slow": 1}})
    finished: dict[str, list[str]] = {"first": [], "late second": []}
    run_all(works, executor)
    for name, stage in (("first", first), ("late second", second)):
        finished[name] = sorted(str(stage.table.receipt(unit.name).made["finished"]) for unit in UNITS)
    processes = {str(s.table.receipt(u.name).made["process"]) for s in (first, second) for u in UNITS}
    assert len(processes) == 2
    assert finished["late second"][0] < finished["first"][5]


def test_stages_that_use_gpus_have_workers_of_their_own(tmp_path: Path) -> None:
    # A worker may start long after the other: that one keeps its unit until both have one.
    drawing, measuring = Squares.at(tmp_path, "drawing", on="gpu", together=2), Squares.at(tmp_path, "measuring")
    works = [Work("drawing", drawing, UNITS), Work("measuring", measuring, UNITS, after="drawing")]
    run_all(works, Executor("ray", gpus_per_worker=0.5))
    drawn = [drawing.table.receipt(unit.name).made for unit in UNITS]
    measured = [measuring.table.receipt(unit.name).made for unit in UNITS]
    assert {made["visible"] for made in drawn} == {"0"} and len({made["process"] for made in drawn}) == 2
    assert not {made["process"] for made in drawn} & {made["process"] for made in measured}


def test_a_resource_that_no_node_has_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seedscope.pipeline.running import on_ray

    monkeypatch.setattr(on_ray, "NOTE_SECONDS", 0.0)
    stage, watch = Squares.at(tmp_path), Teller(None)

    class Enough(Exception): ...

    def stop(text: str) -> None:
        raise Enough(text)

    watch.note = stop  # type: ignore[method-assign]
    with pytest.raises(Enough, match="Waiting for workers for squares: each takes CPU 1, gold 1, and no node has it"):
        run_all([Work("squares", stage, UNITS)], Executor("ray", resources={"": {"gold": 1}}), watch)
