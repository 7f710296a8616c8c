"""Workers of one kind on Ray, and what each of them was sent."""

import statistics
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import ray

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running.attempt import Result, Task, one_line
from seedscope.pipeline.running.placement import Placement
from seedscope.pipeline.running.schedule import ATTEMPTS, Schedule
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.running.worker import Worker

IN_FLIGHT = 2
PATIENCE = 10
LEAST_DEADLINE = 600.0
OPENING_SECONDS = 3600.0
"""A stage may have to fetch its weights."""


@dataclass
class Call:
    """What a worker was asked for: a task, or, without one, to open a stage."""

    reference: Any
    work: str
    task: Task | None = None


class Post:
    """A worker, and its calls, oldest first: it ends them in that order. It is sent none before it says that it is ready, and
    no unit of a stage before that is open: a unit that kills its worker would be taken for a stage that cannot be opened.
    """

    def __init__(self, actor: Any) -> None:
        self.actor, self.ready = actor, False
        self.calls: deque[Call] = deque()
        self.opened: set[str] = set()
        self.begun = 0.0
        """When the oldest call became the oldest, by the monotonic clock."""
        self._starting = actor.ready.remote()

    @property
    def awaited(self) -> Any:
        """The reference of what it does now; None where it does nothing."""
        if not self.ready:
            return self._starting
        return self.calls[0].reference if self.calls else None

    @property
    def able(self) -> bool:
        """Whether it can be sent something: it is neither starting nor opening a stage."""
        return self.ready and all(call.task is not None for call in self.calls)

    def open(self, work: str) -> None:
        self._call(Call(self.actor.open.remote(work), work))

    def make(self, task: Task) -> None:
        self._call(Call(self.actor.make.remote(task), task.work, task))

    def _call(self, call: Call) -> None:
        if not self.calls:
            self.begun = monotonic()
        self.calls.append(call)

    def ended(self) -> tuple[Call, float]:
        """The oldest call, which has ended, and the seconds that it took."""
        now = monotonic()
        seconds, self.begun = now - self.begun, now
        call = self.calls.popleft()
        if call.task is None:
            self.opened.add(call.work)
        return call, seconds


class Crew:
    """Workers of one kind: hired as nodes come, replaced when they die, let go when nothing is left for them."""

    def __init__(self, placement: Placement, stages: Mapping[str, Stage], deadline: float | None) -> None:
        self.placement = placement
        self.posts: list[Post] = []
        self._stages = ray.put({work: stages[work] for work in placement.works})
        self._deadline = deadline
        self._cell_seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=101))
        self._false_starts = Counter[str]()

    def staff(self, size: int) -> None:
        """Hire until there are so many workers, or let those go that have no calls."""
        while len(self.posts) < size:
            self.posts.append(Post(self._hire()))
        idle = sorted((post for post in self.posts if not post.calls), key=lambda post: post.ready)
        for post in idle[: max(0, len(self.posts) - size)]:
            self._let_go(post)

    def _hire(self) -> Any:
        wanted = self.placement
        # No restarts and retries by Ray: a call may have published before it failed, and only the driver knows whom to blame.
        options = {"num_cpus": wanted.cpus, "num_gpus": wanted.gpus, "resources": dict(wanted.resources)}
        actor = ray.remote(Worker).options(**options, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD")
        return actor.remote(self._stages, wanted.threads)

    def send(self, schedule: Schedule) -> None:
        """Give units to whoever has least, until all have enough."""
        while able := [post for post in self.posts if post.able]:
            post = min(able, key=lambda post: len(post.calls))
            if len(post.calls) >= IN_FLIGHT:
                return
            task = schedule.take(self.placement.works)
            if task is None:
                return
            if task.work in post.opened:
                post.make(task)
            else:
                schedule.put_back(task)
                post.open(task.work)

    def awaited(self) -> Iterator[tuple[Any, Post]]:
        """What the workers do now: reference and worker."""
        return ((post.awaited, post) for post in self.posts if post.awaited is not None)

    def ended(self, post: Post, schedule: Schedule) -> None:
        """What a worker did has come to its end, well or not.

        Raises:
            UserError: a mishap that trying again would not mend.
        """
        try:
            result: Result | None = ray.get(post.awaited)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            self._lost(post, schedule, one_line(error.cause), memory_ran_out=isinstance(error.cause, MemoryError))
            return
        except ray.exceptions.OutOfMemoryError:
            self._lost(post, schedule, "its worker was killed, as memory ran out on its node", memory_ran_out=True)
            return
        except ray.exceptions.RayError as error:
            self._lost(post, schedule, f"its worker died ({type(error).__name__})")
            return
        if not post.ready:
            post.ready = True
            return
        call, seconds = post.ended()
        self._false_starts.pop(call.work, None)
        if call.task is not None and result is not None:
            self._cell_seconds[call.work].append(seconds / len(call.task.unit))
            schedule.ended(call.task, result)

    def stop_overdue(self, schedule: Schedule) -> None:
        """Replace every worker whose call takes too long."""
        for post in [post for post in self.posts if post.calls]:
            limit = self._limit(post.calls[0])
            if monotonic() - post.begun > limit:
                self._lost(post, schedule, f"it was not done after {limit:.0f} seconds, and its worker was killed")

    def _limit(self, call: Call) -> float:
        """Seconds that a call may take: without --deadline, ten times what a unit of that size takes, once that is known."""
        if call.task is None:
            return max(OPENING_SECONDS, self._deadline or 0)
        if self._deadline is not None:
            return self._deadline
        known = self._cell_seconds[call.work]
        if len(known) < ATTEMPTS:
            return float("inf")
        return max(LEAST_DEADLINE, PATIENCE * statistics.median(known) * len(call.task.unit))

    def _lost(self, post: Post, schedule: Schedule, reason: str, *, memory_ran_out: bool = False) -> None:
        """Let a worker go that failed. Of its units, only the one that it was at can be to blame."""
        calls = list(post.calls)
        self._let_go(post)
        for call in reversed(calls[1:]):
            if call.task is not None:
                schedule.put_back(call.task)
        if calls and (task := calls[0].task) is not None:
            # One that dies again for no known reason may want more memory than there is: the kernel gives no reasons.
            schedule.failed(task, reason, halve=memory_ran_out or task.attempt > 1)
            return
        opened = calls[0].work if calls else ""
        self._false_starts[opened] += 1
        if self._false_starts[opened] >= max(ATTEMPTS, len(self.posts)):
            doing = f"open the stage {opened!r}" if opened else "start"
            raise UserError(
                f"The workers cannot {doing}: {reason}. Where memory is short, fewer --workers may help; on a cluster, every "
                "node needs the same seedscope and Python."
            )

    def _let_go(self, post: Post) -> None:
        self.posts.remove(post)
        ray.kill(post.actor)

    def dismiss(self) -> None:
        while self.posts:
            self._let_go(self.posts[0])
