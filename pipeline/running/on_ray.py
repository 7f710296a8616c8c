"""All works on the workers of a Ray cluster."""

import time
from collections.abc import Mapping, Sequence

import ray

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.attempt import one_line
from seedscope.pipeline.running.cluster import GO_ON, Cluster
from seedscope.pipeline.running.placement import place
from seedscope.pipeline.running.schedule import Schedule
from seedscope.pipeline.running.work import Executor, Watch, Work
from seedscope.pipeline.running.workers import WorkerPool

TICK_SECONDS = 1.0
NOTE_SECONDS = 30.0


def run_on_ray(works: Mapping[str, Work], schedule: Schedule, executor: Executor, watch: Watch) -> None:
    """Make all that is left in the schedule.

    Raises:
        UserError: a mishap that trying again would not fix, among them a cluster that has gone.
    """
    cluster = Cluster(executor.address)
    stages = {name: work.stage for name, work in works.items()}
    kinds = place(list(works.values()), executor, cluster.nodes())
    pools = [WorkerPool(kind, stages, executor.deadline) for kind in kinds]
    starvation_watch = _StarvationWatch(cluster, watch)
    try:
        while schedule.left(works):
            nodes = cluster.nodes()
            for pool in pools:
                kept = len(pool.workers) if schedule.grows else 0
                size = min(pool.placement.size(nodes), max(kept, schedule.left(pool.placement.works)))
                if len(pool.workers) >= size or cluster.answers():
                    pool.resize(size)
                pool.send(schedule)
                pool.stop_overdue(schedule)
            starvation_watch.check(pools, schedule)
            pending = {reference: (pool, worker) for pool in pools for reference, worker in pool.pending()}
            if not pending:
                time.sleep(TICK_SECONDS)
                continue
            ended, _ = ray.wait(list(pending), timeout=TICK_SECONDS)
            for reference in ended:
                pool, worker = pending[reference]
                pool.ended(worker, reference, schedule)
    except ConnectionError as error:
        raise UserError(f"The connection to the Ray cluster was lost ({one_line(error)}). {GO_ON}") from None
    finally:
        for pool in pools:
            pool.shut_down()


class _StarvationWatch:
    """Says when work waits because no node has what its workers take."""

    def __init__(self, cluster: Cluster, watch: Watch) -> None:
        self._cluster, self._watch = cluster, watch
        self._since: dict[int, float] = {}
        self._noted = set[int]()

    def check(self, pools: Sequence[WorkerPool], schedule: Schedule) -> None:
        """Note once each pool that has had no worker for a while.

        Raises:
            UserError: no worker fits, and no node can come, as Ray runs on this machine alone.
        """
        for number, pool in enumerate(pools):
            if any(worker.ready for worker in pool.workers) or not schedule.left(pool.placement.works):
                self._since.pop(number, None)
                continue
            works, taken = ", ".join(pool.placement.works), pool.placement.taken()
            fits = any(pool.placement.fit(node) for node in self._cluster.nodes())
            if not fits and self._cluster.alone:
                raise UserError(
                    f"A worker for {works} takes {taken}, which this machine does not have. Ask for less, or name a "
                    "cluster with --address."
                )
            waited = time.monotonic() - self._since.setdefault(number, time.monotonic())
            if waited > NOTE_SECONDS and number not in self._noted:
                self._noted.add(number)
                why = "all nodes that have it are busy" if fits else "no node has it"
                self._watch.note(f"Waiting for workers for {works}: each takes {taken}, and {why}.")
