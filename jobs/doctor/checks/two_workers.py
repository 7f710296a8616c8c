"""Whether two workers on one device draw the same pictures, and more of them than one."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from seedscope.jobs.doctor.apart import START_SECONDS, Child, child
from seedscope.jobs.doctor.finding import Facts, Finding, note, ok, problem
from seedscope.jobs.doctor.site import Site

SECONDS = 4.0
WORTH = 1.1
"""Times the pictures of one worker, from which a second one is worth its memory."""
SEEDS = 4


class Drawn(NamedTuple):
    """What a worker draws in a while: pictures a second, and the sha256 of the first batch."""

    rate: float
    digest: str


def check(site: Site) -> Iterator[Finding]:
    device, what = site.best, f"two workers on one {'GPU' if site.gpu else 'CPU'}"
    seconds = min(SECONDS, site.seconds / 8)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(child(f"{__name__}:work", site.scratch / f"worker-{number}")) for number in range(2)
        ]
        for worker in workers:
            worker.pipe.send(device)
        for worker in workers:
            worker.receive(START_SECONDS)
        (alone,) = _drawn(workers[:1], seconds)
        both = _drawn(workers, seconds)
    together = sum(each.rate for each in both)
    times = together / alone.rate
    facts: Facts = {"device": device, "alone": alone.rate, "together": together}
    if len({alone.digest, *(each.digest for each in both)}) > 1:
        yield problem(what, "they draw other pictures than one alone", "Use one worker a device.", facts=facts)
        return
    told = f"the same pictures as one alone, {times:.2g} times as many a second"
    if times < WORTH:
        yield note(
            what, told, "A second worker is no gain here: leave --gpus-per-worker and --workers as they are.", facts
        )
    else:
        yield ok(what, told, "--gpus-per-worker 0.5 puts two on one." if site.gpu else "", facts=facts)


def _drawn(workers: list[Child], seconds: float) -> list[Drawn]:
    """What workers draw at the same time."""
    for worker in workers:
        worker.pipe.send(seconds)
    return [Drawn(*answer) for worker in workers if isinstance(answer := worker.receive(10 * seconds + 30), tuple)]


def work(pipe: Connection) -> None:
    """A worker: is told the device, then again and again for how many seconds to draw, and answers with what it drew."""
    from seedscope.jobs.doctor.trial import TURBO, Trial

    with suppress(EOFError, BrokenPipeError):
        trial = Trial(TURBO, pipe.recv(), seeds=SEEDS)
        trial.draw()
        pipe.send("ready")
        while True:
            seconds = pipe.recv()
            began, drawn = time.monotonic(), 0
            digest = ""
            while drawn == 0 or time.monotonic() - began < seconds:
                pictures = trial.draw()
                drawn += len(pictures)
                digest = digest or hashlib.sha256(pictures.tobytes()).hexdigest()
            pipe.send((drawn / (time.monotonic() - began), digest))
