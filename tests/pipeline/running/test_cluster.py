"""A real cluster of several nodes on this machine: nodes die and come, the head dies; nothing is lost or made twice."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster
from squares import Squares, units

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running import cluster as joined
from seedscope.pipeline.running.runner import Executor, Outcome, Unwatched, Work, run_all
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt

UNITS = units(16)
STORE = 80 * 2**20


class Meddler(Unwatched):
    """Does something once so many units are made."""

    def __init__(self, after: int, meddle: Callable[[], None]) -> None:
        self.after, self.meddle, self.made = after, meddle, 0

    def __call__(self, work: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:
        def told(unit: Unit, receipts: Sequence[Receipt]) -> None:
            self.made += 1
            if self.made == self.after:
                self.meddle()

        return told


def start() -> Cluster:
    """A head that does no work."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    return Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE})


def add(cluster: Cluster, name: str) -> Node:
    node: Node = cluster.add_node(num_cpus=1, resources={name: 1}, object_store_memory=STORE)
    return node


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    found = start()
    yield found
    ray.shutdown()
    found.shutdown()


def test_nodes_die_and_another_comes(cluster: Cluster, tmp_path: Path) -> None:
    """The bytes are those of a run that nobody disturbed."""
    calm, stormy = Squares.at(tmp_path / "calm"), Squares.at(tmp_path / "stormy", pause=0.3)
    run_all([Work("squares", calm, UNITS)], Executor("inline", threads=1))
    old = add(cluster, "a"), add(cluster, "b")
    made_before = set[str]()

    def meddle() -> None:
        made_before.update(stormy.done())
        cluster.remove_node(old[0], allow_graceful=False)
        add(cluster, "c")
        cluster.remove_node(old[1], allow_graceful=False)

    executor = Executor("ray", address=cluster.address, threads=1)
    assert run_all([Work("squares", stormy, UNITS)], executor, Meddler(4, meddle))["squares"] == Outcome(len(UNITS))
    stormy.check(UNITS)
    assert 4 <= len(made_before) < len(UNITS)
    tries = [stormy.tries()[unit.name] for unit in UNITS]
    assert max(tries) <= 2 and sum(tries) <= len(UNITS) + 2  # only what a dead node was at is begun again
    for unit in UNITS:
        assert Path(calm.table.shard(unit.name)).read_bytes() == Path(stormy.table.shard(unit.name)).read_bytes()


def test_the_head_dies_and_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, made = Squares.at(tmp_path, pause=0.3), 0
    cluster = start()
    node = add(cluster, "a")

    def meddle() -> None:
        monkeypatch.setattr(joined, "GONE_SECONDS", 2.0)  # not before: a head that is only slow may take as long
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)

    with pytest.raises(UserError, match="has gone: its head has not answered.*What is published is safe"):
        executor = Executor("ray", address=cluster.address, threads=1)
        run_all([Work("squares", stage, UNITS)], executor, Meddler(4, meddle))
    node.kill_all_processes(check_alive=False, allow_graceful=False)
    ray.shutdown()
    made = len(stage.done())
    assert 4 <= made < len(UNITS)
    cluster = start()
    try:
        add(cluster, "a")
        todo = [unit for unit in UNITS if unit.name not in stage.done()]
        executor = Executor("ray", address=cluster.address, threads=1)
        assert run_all([Work("squares", stage, todo)], executor)["squares"] == Outcome(len(UNITS) - made)
        stage.check(UNITS)
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_workers_wait_for_the_node_that_has_what_they_take(cluster: Cluster, tmp_path: Path) -> None:
    """No unit is sent to a worker that has no place yet."""
    add(cluster, "a")
    first, second = Squares.at(tmp_path, "first", pause=0.1), Squares.at(tmp_path, "second")
    works = [Work("first", first, UNITS), Work("late second", second, UNITS, after="first")]
    executor = Executor("ray", address=cluster.address, threads=1, resources={"late": {"b": 1}})
    outcomes = run_all(works, executor, Meddler(len(UNITS), lambda: void(add(cluster, "b"))))
    assert outcomes == {"first": Outcome(len(UNITS)), "late second": Outcome(len(UNITS))}
    assert set(second.tries().values()) == {1}


def void(_: object) -> None: ...
