"""How many workers there are and what each takes; which unit is next. No Ray: nodes are numbers here."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from squares import Squares, units

from seedscope.jobs.commands.options import executor_of as from_options
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.attempt import Result
from seedscope.pipeline.running.placement import Placement, place
from seedscope.pipeline.running.runner import Executor, Outcome, Unwatched, Work
from seedscope.pipeline.running.schedule import Schedule

UNITS = units(40)
GIB = float(2**30)
DRAW = Work("images", Squares.at(Path("runs"), on="gpu"), UNITS)
MEASURE = Work("features", Squares.at(Path("runs"), on="gpu"), UNITS, after="images")
COUNT = Work("other features", Squares.at(Path("runs")), UNITS)


def node(cpus: float, gpus: float = 0, memory: float = 64 * GIB, **resources: float) -> dict[str, float]:
    return {"CPU": cpus, "GPU": gpus, "memory": memory, **resources}


def only(found: list[Placement]) -> Placement:
    (placement,) = found
    return placement


@pytest.mark.parametrize(
    ("nodes", "executor", "size", "threads", "cpus"),
    [
        ([node(8)], Executor(), 8, 1, 1.0),
        ([node(8)], Executor(threads=2), 4, 2, 2.0),
        ([node(8)], Executor(workers=2), 2, 4, 4.0),
        ([node(2)], Executor(workers=4), 4, 1, 0.5),
        ([node(8, memory=0.6 * GIB)], Executor(), 2, 4, 4.0),
        ([node(8, memory=0.1 * GIB)], Executor(), 1, 8, 8.0),
        ([node(8), node(4), node(0)], Executor(), 12, 1, 1.0),
        ([node(64, memory=2.1 * GIB), node(4)], Executor(), 9, 4, 4.0),
    ],
)
def test_without_gpus_one_kind_of_workers_makes_everything(
    nodes: list[dict[str, float]], executor: Executor, size: int, threads: int, cpus: float
) -> None:
    found = only(place([DRAW, MEASURE, COUNT], executor, nodes))
    assert found.works == ("images", "features", "other features")
    assert (found.size(nodes), found.threads, found.cpus, found.gpus) == (size, threads, cpus, 0)


def test_few_units_have_few_workers_with_many_threads() -> None:
    few = Work("images", DRAW.stage, UNITS[:2])
    found = only(place([few], Executor(), [node(8)]))
    assert (found.size([node(8)]), found.threads) == (2, 4)


@dataclass
class OneANode(Squares):
    """Works on a device of which a machine has one."""

    def workers_a_node(self) -> int:
        return 1


@pytest.mark.parametrize("executor", [Executor(), Executor(threads=2)])
def test_a_device_that_a_machine_has_once_has_one_worker_there(executor: Executor) -> None:
    work, nodes = Work("images", OneANode.at(Path("runs")), UNITS), [node(10), node(10)]
    found = only(place([work, COUNT], executor, nodes))
    assert found.size(nodes) == 2 and found.threads == (executor.threads or 10)
    assert only(place([work], Executor(workers=3), nodes)).size(nodes) == 3


def test_stages_on_gpus_share_workers_and_leave_cores_to_the_others() -> None:
    nodes = [node(16, gpus=2), node(8)]
    gpu, cpu = place([DRAW, MEASURE, COUNT], Executor(), nodes)
    assert (gpu.works, gpu.size(nodes), gpu.gpus, gpu.cpus) == (("images", "features"), 2, 1.0, 4.0)
    assert (cpu.works, cpu.size(nodes), cpu.gpus, cpu.threads) == (("other features",), 16, 0, 1)


def test_parts_of_gpus() -> None:
    found = only(place([DRAW], Executor(gpus_per_worker=0.25), [node(8, gpus=1)]))
    assert (found.size([node(8, gpus=1)]), found.gpus, found.cpus) == (4, 0.25, 2.0)


def test_a_gpu_machine_with_one_core_has_room_for_both_kinds() -> None:
    nodes = [node(1, gpus=1)]
    gpu, cpu = place([DRAW, COUNT], Executor(), nodes)
    assert gpu.size(nodes) == cpu.size(nodes) == 1 and gpu.cpus + cpu.cpus <= 1


def test_workers_come_with_nodes() -> None:
    found = only(place([DRAW], Executor(), [node(0)]))
    assert [found.size(nodes) for nodes in ([node(0)], [node(0), node(8)])] == [0, 8]
    found = only(place([DRAW], Executor(gpus_per_worker=1), []))
    assert [found.size(nodes) for nodes in ([], [node(8)], [node(8, gpus=1)], [node(8, gpus=4)] * 3)] == [0, 0, 1, 12]


def test_named_resources_choose_nodes() -> None:
    nodes = [node(4, big=1), node(8, cheap=100)]
    executor = Executor(resources={"images": {"big": 0.5}, "features": {"cheap": 1}})
    draw, measure = place([DRAW, MEASURE, COUNT], executor, nodes)
    if draw.works != ("images",):
        draw, measure = measure, draw
    assert (draw.works, draw.size(nodes)) == (("images",), 2)
    assert (measure.works, measure.size(nodes)) == (("features", "other features"), 8)


def test_options_that_cannot_be_read() -> None:
    def read(**changes: object) -> Executor:
        options = dict.fromkeys(("address", "workers", "threads", "gpus_per_worker", "resource", "deadline"))
        return from_options(**({"executor": "ray"} | options | changes))  # type: ignore[arg-type]

    found = read(resource=["features:cheap=1", "images:big=0.5", "ours=2"]).resources
    assert found == {"features": {"cheap": 1.0}, "images": {"big": 0.5}, "": {"ours": 2.0}}
    for wrong in ("cheap", "cheap=", "=1", "cheap=0", "cheap=-1", "maps:cheap=1", "cheap=much"):
        with pytest.raises(UserError, match="is not NAME=AMOUNT"):
            read(resource=[wrong])
    with pytest.raises(UserError, match="a part of one GPU, or whole ones"):
        read(gpus_per_worker=1.5)
    with pytest.raises(UserError, match="are for Ray"):
        read(executor="inline", deadline=5.0)


# --- which unit is next


def taken(schedule: Schedule, *works: str) -> tuple[str, str] | None:
    assignment = schedule.take(works)
    return None if assignment is None else (assignment.work, assignment.unit.name)


def test_units_are_finished_before_others_are_begun() -> None:
    first, second = UNITS[:2]
    schedule = Schedule([Work("images", DRAW.stage, [second]), MEASURE, COUNT], Unwatched())
    both = ("images", "features")
    assert taken(schedule, *both) == ("features", first.name)  # its pictures are there already
    assignment = schedule.take(["images"])
    assert assignment is not None and assignment.unit == second
    remaining = {taken(schedule, "features") for _ in UNITS[2:]}
    assert remaining == {("features", unit.name) for unit in UNITS[2:]} and taken(schedule, *both) is None
    schedule.ended(assignment, Result())
    assert taken(schedule, *both) == ("features", second.name)
    assert taken(schedule, "images", "other features") == ("other features", first.name)


def test_what_was_not_begun_does_not_count() -> None:
    schedule = Schedule([DRAW], Unwatched())
    for _ in range(5):
        assignment = schedule.take(["images"])
        assert assignment is not None and (assignment.unit, assignment.attempt) == (UNITS[0], 1)
        schedule.put_back(assignment)
    for attempt in (1, 2, 3):
        assignment = schedule.take(["images"])
        assert assignment is not None and (assignment.unit, assignment.attempt) == (UNITS[0], attempt)
        schedule.ended(assignment, Result(failure="it broke"))
    assert schedule.outcomes["images"] == Outcome(0, {UNITS[0].name: "it broke"})
    assert schedule.left(["images"]) == len(UNITS) - 1 and taken(schedule, "images") == ("images", UNITS[1].name)
