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
from seedscope.pipeline.running.workers import Crew

TICK_SECONDS = 1.0
NOTE_SECONDS = 30.0


def run_on_ray(works: Mapping[str, Work], schedule: Schedule, executor: Executor, watch: Watch) -> None:
    """Make all that is left in the schedule.

    Raises:
        UserError: a mishap that trying again would not mend, among them a cluster that has gone.
    """
    cluster = Cluster(executor.address)
    stages = {name: work.stage for name, work in works.items()}
    kinds = place(list(works.values()), executor, cluster.nodes())
    crews = [Crew(kind, stages, executor.deadline) for kind in kinds]
    lookout = _Lookout(cluster, watch)
    try:
        while schedule.left(works):
            nodes = cluster.nodes()
            for crew in crews:
                size = min(crew.placement.size(nodes), schedule.left(crew.placement.works))
                if len(crew.posts) >= size or cluster.answers():
                    crew.staff(size)
                crew.send(schedule)
                crew.stop_overdue(schedule)
            lookout.look(crews, schedule)
            awaited = {reference: (crew, post) for crew in crews for reference, post in crew.awaited()}
            if not awaited:
                time.sleep(TICK_SECONDS)
                continue
            ended, _ = ray.wait(list(awaited), timeout=TICK_SECONDS)
            for reference in ended:
                crew, post = awaited[reference]
                crew.ended(post, schedule)
    except ConnectionError as error:
        raise UserError(f"The connection to the Ray cluster was lost ({one_line(error)}). {GO_ON}") from None
    finally:
        for crew in crews:
            crew.dismiss()


class _Lookout:
    """Says when work waits because no node has what its workers take."""

    def __init__(self, cluster: Cluster, watch: Watch) -> None:
        self._cluster, self._watch = cluster, watch
        self._since: dict[int, float] = {}
        self._told = set[int]()

    def look(self, crews: Sequence[Crew], schedule: Schedule) -> None:
        """Tell once of each crew that has had no worker for a while.

        Raises:
            UserError: nobody can fit, and no node can come, as Ray runs on this machine alone.
        """
        for number, crew in enumerate(crews):
            if any(post.ready for post in crew.posts) or not schedule.left(crew.placement.works):
                self._since.pop(number, None)
                continue
            works, taken = ", ".join(crew.placement.works), crew.placement.taken()
            fits = any(crew.placement.fit(node) for node in self._cluster.nodes())
            if not fits and self._cluster.alone:
                raise UserError(
                    f"A worker for {works} takes {taken}, which this machine does not have. Ask for less, or name a "
                    "cluster with --address."
                )
            waited = time.monotonic() - self._since.setdefault(number, time.monotonic())
            if waited > NOTE_SECONDS and number not in self._told:
                self._told.add(number)
                why = "all nodes that have it are busy" if fits else "no node has it"
                self._watch.note(f"Waiting for workers for {works}: each takes {taken}, and {why}.")
