"""Run a stage over units, on Ray actors or in this process. The only part of the pipeline that knows Ray."""

import ctypes
import logging
import os
import platform
import socket
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
    settle(executor.threads or os.cpu_count() or 1)
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


def settle(threads: int) -> None:
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
        settle(threads)
        self.stage, self.opened = stage, False

    def make(self, unit: Unit) -> list[Receipt]:
        # Opened by the first call, not by the constructor: an error then reaches the driver as what it is.
        if not self.opened:
            self.stage.open()
            self.opened = True
        return make(self.stage, unit)


class _Crew:
    """The actors, and what each of them was sent, oldest first: an actor runs its calls, and ends them, in that order."""

    def __init__(self, hire: Callable[[], Any], size: int) -> None:
        self._hire = hire
        self._actors = [hire() for _ in range(size)]
        self._sent: list[deque[tuple[Any, Unit]]] = [deque() for _ in range(size)]

    def send(self, waiting: deque[Unit]) -> None:
        """Give units to whoever has least, until all have enough."""
        while waiting:
            index = min(range(len(self._actors)), key=lambda i: len(self._sent[i]))
            if len(self._sent[index]) == IN_FLIGHT:
                return
            unit = waiting.popleft()
            self._sent[index].append((self._actors[index].make.remote(unit), unit))

    def busy(self) -> bool:
        return any(self._sent)

    def next_done(self) -> tuple[int, Any, Unit]:
        """Wait for an actor to end a call: the actor's place, the call's reference, its unit."""
        import ray

        owner = {reference: index for index, sent in enumerate(self._sent) for reference, _ in sent}
        ready, _ = ray.wait(list(owner), num_returns=1)
        index = owner[ready[0]]
        reference, unit = self._sent[index].popleft()
        return index, reference, unit

    def replace(self, index: int) -> list[Unit]:
        """Put a new actor in the place of a dead one; return the units that it had not begun."""
        import ray

        ray.kill(self._actors[index])
        self._actors[index] = self._hire()
        unbegun = [unit for _, unit in self._sent[index]]
        self._sent[index].clear()
        return unbegun

    def dismiss(self) -> None:
        import ray

        for actor in self._actors:
            ray.kill(actor)


def _on_ray(stage: Stage, units: Sequence[Unit], executor: Executor) -> Iterator[tuple[Unit, list[Receipt] | str]]:
    import ray

    _connect(executor)
    crew = _crew(stage, executor, len(units))
    waiting, failures = deque(units), dict.fromkeys((unit.name for unit in units), 0)
    try:
        while waiting or crew.busy():
            crew.send(waiting)
            index, reference, unit = crew.next_done()
            try:
                result = ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise error.cause from None
                reason = _one_line(error.cause)
            except ray.exceptions.RayError as error:
                # The actor died on this call: those that wait behind it are not to blame.
                waiting.extendleft(reversed(crew.replace(index)))
                reason = f"its worker died ({type(error).__name__})"
            else:
                yield unit, result
                continue
            failures[unit.name] += 1
            if failures[unit.name] < ATTEMPTS:
                waiting.appendleft(unit)
            else:
                yield unit, reason
    finally:
        crew.dismiss()


def _connect(executor: Executor) -> None:
    """Join the cluster at the address, or start Ray on this machine alone."""
    import ray

    if ray.is_initialized():
        return
    if executor.address:
        try:
            _knock(executor.address)
            ray.init(address=executor.address, logging_level=logging.WARNING)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise UserError(
                f"--address {executor.address}: no Ray cluster answers there ({_one_line(error)}). Start one with "
                "`ray start --head`, or leave --address out to run on this machine. A cluster with token authentication "
                "wants RAY_AUTH_MODE=token, and its token in RAY_AUTH_TOKEN or ~/.ray/auth_token."
            ) from None
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a study of private prompts calls nobody
    try:
        # "local" and not None: a cluster that happens to run on this machine is joined only when it is asked for.
        ray.init(
            address="local",
            include_dashboard=False,
            logging_level=logging.ERROR,
            object_store_memory=128 * 2**20,
            log_to_driver=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"Ray cannot start on this machine ({_one_line(error)}). --executor inline runs without it."
        ) from error


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at host:port: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _crew(stage: Stage, executor: Executor, units: int) -> _Crew:
    """One worker a GPU; without GPUs one a core, as far as memory goes: small models gain little from more threads."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
    cpus, gpus = max(1, int(resources.get("CPU", 1))), int(resources.get("GPU", 0))
    by_memory = max(1, int(resources.get("memory", 0) // stage.memory()))
    workers = executor.workers or gpus or min(cpus // (executor.threads or 1), by_memory)
    workers = max(1, min(workers, units))
    threads = executor.threads or max(1, cpus // workers)
    # No restarts and retries by Ray: a call may have published before it failed, and only the driver knows whom to blame.
    actor = ray.remote(_Worker).options(
        num_cpus=min(threads, cpus / workers), num_gpus=min(1.0, gpus / workers), max_restarts=0, max_task_retries=0
    )
    return _Crew(lambda: actor.remote(stage, threads), workers)
