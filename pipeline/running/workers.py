"""Workers of one kind on Ray, and what each of them was sent."""

import statistics
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ray

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.attempt import Assignment, Result, one_line
from seedscope.pipeline.running.awake import awake
from seedscope.pipeline.running.placement import Placement
from seedscope.pipeline.running.schedule import ATTEMPTS, Schedule
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.running.worker import Worker

IN_FLIGHT = 2
DEADLINE_FACTOR = 10
LEAST_DEADLINE = 600.0
OPENING_SECONDS = 3600.0
"""A stage may have to fetch its weights."""


@dataclass
class Call:
    """What a worker was asked for: an assignment, or, without one, to open a stage."""

    reference: ray.ObjectRef[Result | None]
    work: str
    assignment: Assignment | None = None


class WorkerHandle:
    """A worker, and its calls, oldest first: it ends them in that order. It is sent none before it says that it is ready, and
    no unit of a stage before that is open: a unit that kills its worker would be taken for a stage that cannot be opened.
    """

    def __init__(self, actor: Any) -> None:
        self.actor, self.ready = actor, False
        self.calls: deque[Call] = deque()
        self.opened: set[str] = set()
        self.begun = 0.0
        """When the oldest call became the oldest, by the clock `awake`."""
        self._starting: ray.ObjectRef[Result | None] = actor.ready.remote()

    @property
    def pending_reference(self) -> ray.ObjectRef[Result | None] | None:
        """The reference of what it does now; None where it does nothing."""
        if not self.ready:
            return self._starting
        return self.calls[0].reference if self.calls else None

    @property
    def accepts_work(self) -> bool:
        """Whether it can be sent something: it is neither starting nor opening a stage."""
        return self.ready and all(call.assignment is not None for call in self.calls)

    def open(self, work: str) -> None:
        self._call(Call(self.actor.open.remote(work), work))

    def make(self, assignment: Assignment) -> None:
        self._call(Call(self.actor.make.remote(assignment), assignment.work, assignment))

    def _call(self, call: Call) -> None:
        if not self.calls:
            self.begun = awake()
        self.calls.append(call)

    def ended(self) -> tuple[Call, float]:
        """The oldest call, which has ended, and the seconds that it took."""
        now = awake()
        seconds, self.begun = now - self.begun, now
        call = self.calls.popleft()
        if call.assignment is None:
            self.opened.add(call.work)
        return call, seconds


class WorkerPool:
    """Workers of one kind: started as nodes come, replaced when they die, stopped when nothing is left for them."""

    def __init__(self, placement: Placement, stages: Mapping[str, Stage], deadline: float | None) -> None:
        self.placement = placement
        self.workers: list[WorkerHandle] = []
        self._stages = ray.put({work: stages[work] for work in placement.works})
        self._deadline = deadline
        self._cell_seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=101))
        self._failed_starts = Counter[str]()

    def resize(self, size: int) -> None:
        """Start workers until there are so many, or stop some of those that have no calls."""
        while len(self.workers) < size:
            self.workers.append(WorkerHandle(self._start_worker()))
        idle = sorted((worker for worker in self.workers if not worker.calls), key=lambda worker: worker.ready)
        for worker in idle[: max(0, len(self.workers) - size)]:
            self._stop_worker(worker)

    def _start_worker(self) -> Any:
        wanted = self.placement
        # No restarts and retries by Ray: a call may have published before it failed, and only the driver knows whom to blame.
        options = {"num_cpus": wanted.cpus, "num_gpus": wanted.gpus, "resources": dict(wanted.resources)}
        actor = ray.remote(Worker).options(**options, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD")
        return actor.remote(self._stages, wanted.threads)

    def send(self, schedule: Schedule) -> None:
        """Give units to the worker that has least, until all have enough."""
        while accepting := [worker for worker in self.workers if worker.accepts_work]:
            worker = min(accepting, key=lambda worker: len(worker.calls))
            if len(worker.calls) >= IN_FLIGHT:
                return
            assignment = schedule.take(self.placement.works)
            if assignment is None:
                return
            if assignment.work in worker.opened:
                worker.make(assignment)
            else:
                schedule.put_back(assignment)
                worker.open(assignment.work)

    def pending(self) -> Iterator[tuple[ray.ObjectRef[Result | None], WorkerHandle]]:
        """What the workers do now: reference and worker."""
        return ((worker.pending_reference, worker) for worker in self.workers if worker.pending_reference is not None)

    def ended(self, worker: WorkerHandle, reference: ray.ObjectRef[Result | None], schedule: Schedule) -> None:
        """What a worker did, by its reference, has come to its end, well or not.

        Raises:
            UserError: a mishap that trying again would not fix.
        """
        try:
            result = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            self._replace_failed(
                worker, schedule, one_line(error.cause), memory_ran_out=isinstance(error.cause, MemoryError)
            )
            return
        except ray.exceptions.OutOfMemoryError:
            self._replace_failed(
                worker, schedule, "its worker was killed, as memory ran out on its node", memory_ran_out=True
            )
            return
        except ray.exceptions.RayError as error:
            self._replace_failed(worker, schedule, f"its worker died ({type(error).__name__})")
            return
        if not worker.ready:
            worker.ready = True
            return
        call, seconds = worker.ended()
        self._failed_starts.pop(call.work, None)
        if call.assignment is not None and result is not None:
            self._cell_seconds[call.work].append(seconds / len(call.assignment.unit))
            schedule.ended(call.assignment, result)

    def stop_overdue(self, schedule: Schedule) -> None:
        """Replace every worker whose call takes too long; to be asked every few seconds, as the clock is."""
        awake()
        for worker in [worker for worker in self.workers if worker.calls]:
            limit = self._limit(worker.calls[0])
            if awake() - worker.begun > limit:
                self._replace_failed(
                    worker, schedule, f"it was not done after {limit:.0f} seconds, and its worker was killed"
                )

    def _limit(self, call: Call) -> float:
        """Seconds that a call may take: without --deadline, ten times what a unit of that size takes, once that is known."""
        if call.assignment is None:
            return max(OPENING_SECONDS, self._deadline or 0)
        if self._deadline is not None:
            return self._deadline
        known = self._cell_seconds[call.work]
        if len(known) < ATTEMPTS:
            return float("inf")
        return max(LEAST_DEADLINE, DEADLINE_FACTOR * statistics.median(known) * len(call.assignment.unit))

    def _replace_failed(
        self, worker: WorkerHandle, schedule: Schedule, reason: str, *, memory_ran_out: bool = False
    ) -> None:
        """Stop a worker that failed; the next resize replaces it. Of its units, only the one that it was at can be to blame."""
        calls = list(worker.calls)
        self._stop_worker(worker)
        for call in reversed(calls[1:]):
            if call.assignment is not None:
                schedule.put_back(call.assignment)
        if calls and (assignment := calls[0].assignment) is not None:
            # One that dies again for no known reason may want more memory than there is: the kernel gives no reasons.
            schedule.failed(assignment, reason, halve=memory_ran_out or assignment.attempt > 1)
            return
        opened = calls[0].work if calls else ""
        self._failed_starts[opened] += 1
        if self._failed_starts[opened] >= max(ATTEMPTS, len(self.workers)):
            doing = f"open the stage {opened!r}" if opened else "start"
            raise UserError(
                f"The workers cannot {doing}: {reason}. Where memory is short, fewer --workers may help; on a cluster, every "
                "node needs the same seedscope and Python."
            )

    def _stop_worker(self, worker: WorkerHandle) -> None:
        self.workers.remove(worker)
        ray.kill(worker.actor)

    def shut_down(self) -> None:
        while self.workers:
            self._stop_worker(self.workers[0])
