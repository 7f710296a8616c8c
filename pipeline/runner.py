"""Run a stage over units, on Ray actors or in this process. The only part of the pipeline that knows Ray."""

import ctypes
import logging
import os
import platform
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.stage import Stage, make
from seedscope.pipeline.store import Receipt

ATTEMPTS = 3
IN_FLIGHT = 2
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from malloc.h


@dataclass(frozen=True)
class Executor:
    """Where stages run."""

    kind: Literal["ray", "inline"] = "ray"
    address: str | None = None
    workers: int | None = None
    threads: int | None = None


@dataclass
class Outcome:
    """What became of the units that a stage was asked to make."""

    receipts: list[Receipt] = field(default_factory=list)
    quarantined: dict[str, str] = field(default_factory=dict)


Progress = Callable[[Unit, Sequence[Receipt]], None]


def run_stage(stage: Stage, units: Sequence[Unit], executor: Executor, progress: Progress) -> Outcome:
    """Make those of `units` that are not done yet.

    A unit that fails three times is quarantined: named in the outcome, while the rest goes on.

    Raises:
        UserError: a mishap that trying again would not mend (no space, a model that cannot be loaded); it stops the run.
    """
    done = stage.done()
    todo = [unit for unit in units if unit.name not in done]
    if not todo:
        return Outcome()
    attempts = _inline(stage, todo, executor) if executor.kind == "inline" else _on_ray(stage, todo, executor)
    outcome = Outcome()
    for unit, result in attempts:
        if isinstance(result, str):
            outcome.quarantined[unit.name] = result
        else:
            outcome.receipts += result
            progress(unit, result)
    return outcome


def _inline(stage: Stage, units: Sequence[Unit], executor: Executor) -> Iterator[tuple[Unit, list[Receipt] | str]]:
    _settle(executor.threads or os.cpu_count() or 1)
    stage.open()
    for unit in units:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                yield unit, make(stage, unit)
                break
            except UserError:
                raise
            except Exception as error:  # noqa: BLE001  (a unit may fail in any way; it is named at the end)
                if attempt == ATTEMPTS:
                    yield unit, _one_line(error)


def _settle(threads: int) -> None:
    """Prepare a process for work on tensors.

    glibc gives freed memory back to the system at once, and torch asks for it again in the next layer: on a CPU, page
    faults then take more time than the network (a third of the pictures a second, EfficientNet-Lite0 on batches of 32).
    """
    import torch

    torch.set_num_threads(threads)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            libc.mallopt(option, 2**30)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else 'no message'}"


class _Worker:
    """A Ray actor: holds an opened stage and makes one unit a call."""

    def __init__(self, stage: Stage, threads: int) -> None:
        _settle(threads)
        self.stage, self.opened = stage, False

    def make(self, unit: Unit) -> list[Receipt]:
        # Opened by the first call, not by the constructor: an error then reaches the driver as what it is.
        if not self.opened:
            self.stage.open()
            self.opened = True
        return make(self.stage, unit)


@dataclass
class _Flight:
    """A call that an actor was sent. It is innocent once a call before it has killed the actor."""

    reference: Any
    unit: Unit
    innocent: bool = False


@dataclass
class _Crew:
    """The actors, and what each of them has in flight, oldest first. An actor runs its calls in that order."""

    actors: list[Any]
    flights: list[deque[_Flight]]

    def least_busy(self) -> int | None:
        """The actor to give the next unit to, or None if all have enough."""
        index = min(range(len(self.actors)), key=lambda i: len(self.flights[i]))
        return index if len(self.flights[index]) < IN_FLIGHT else None

    def send(self, index: int, unit: Unit) -> None:
        self.flights[index].append(_Flight(self.actors[index].make.remote(unit), unit))

    def pending(self) -> list[Any]:
        return [flight.reference for queue in self.flights for flight in queue]

    def take(self, reference: Any) -> tuple[_Flight, deque[_Flight]]:
        """Take a finished call out: it, and what its actor has in flight behind it."""
        for queue in self.flights:
            for flight in queue:
                if flight.reference == reference:
                    queue.remove(flight)
                    return flight, queue
        raise KeyError(reference)


def _on_ray(stage: Stage, units: Sequence[Unit], executor: Executor) -> Iterator[tuple[Unit, list[Receipt] | str]]:
    import ray

    _connect(executor)
    crew = _crew(stage, executor, len(units))
    waiting, failures = deque(units), dict.fromkeys((unit.name for unit in units), 0)
    try:
        while waiting or crew.pending():
            while waiting and (index := crew.least_busy()) is not None:
                crew.send(index, waiting.popleft())
            ready, _ = ray.wait(crew.pending(), num_returns=1)
            flight, behind = crew.take(ready[0])
            unit = flight.unit
            try:
                result = ray.get(flight.reference)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise error.cause from None
                failures[unit.name] += 1
                reason = _one_line(error.cause)
            except ray.exceptions.RayError as error:
                # The actor died on its oldest call; those behind it never ran.
                failures[unit.name] += not flight.innocent
                for other in behind:
                    other.innocent = True
                reason = f"its worker died ({type(error).__name__})"
            else:
                yield unit, result
                continue
            if failures[unit.name] < ATTEMPTS:
                waiting.appendleft(unit)
            else:
                yield unit, reason
    finally:
        for actor in crew.actors:
            ray.kill(actor)


def _connect(executor: Executor) -> None:
    """Join the cluster at the address, or start Ray on this machine alone."""
    import ray

    if ray.is_initialized():
        return
    if executor.address:
        try:
            ray.init(address=executor.address, logging_level=logging.WARNING)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(
                f"--address {executor.address}: no Ray cluster answers there ({_one_line(error)}). Start one with "
                "`ray start --head`, or leave --address out to run on this machine."
            ) from None
    else:
        # "local" and not None: a cluster that happens to run on this machine is joined only when it is asked for.
        ray.init(
            address="local",
            include_dashboard=False,
            logging_level=logging.WARNING,
            object_store_memory=128 * 2**20,
            log_to_driver=False,
        )


def _crew(stage: Stage, executor: Executor, units: int) -> _Crew:
    """One worker a GPU; without GPUs one a core, as far as memory goes: small models gain little from more threads."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
    cpus, gpus = max(1, int(resources.get("CPU", 1))), int(resources.get("GPU", 0))
    by_memory = max(1, int(resources.get("memory", 0) // stage.memory()))
    workers = executor.workers or gpus or min(cpus // (executor.threads or 1), by_memory)
    workers = max(1, min(workers, units))
    threads = executor.threads or max(1, cpus // workers)
    actor = ray.remote(_Worker).options(
        num_cpus=min(threads, cpus / workers), num_gpus=min(1.0, gpus / workers), max_restarts=-1, max_task_retries=0
    )
    return _Crew([actor.remote(stage, threads) for _ in range(workers)], [deque() for _ in range(workers)])
