"""Whether `compute.compile: true` works: the compiler is there, its pictures are right, and what it takes and gives."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok, problem
from seedscope.jobs.doctor.site import Site

if TYPE_CHECKING:
    from seedscope.jobs.doctor.trial import Trial

WHAT = "torch compile"
WITHOUT = "Leave `compile` out of studies; else install a C++ compiler (g++) for the CPU, triton for the GPU."


def check(site: Site) -> Iterator[Finding]:
    from seedscope.jobs.doctor.trial import Difference, Trial, opened, stock_call

    # Where this check is stopped, half a library would stay in the user's own cache, and break what is compiled later.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(site.scratch / "compiled")
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no processes that outlive this one
    kind, device = stock_call(site), site.best
    plain = opened(kind, device)
    expected, usual = plain.draw(), _seconds(plain)
    trial = Trial(kind, device, compiled=True)
    began = time.monotonic()
    try:
        drawn = trial.draw()
    except Exception as error:  # noqa: BLE001  (whatever compilers raise)
        reason = " ".join(str(error).split())[:200]
        yield note(
            WHAT,
            f"torch.compile fails on {device}: {type(error).__name__}: {reason}",
            WITHOUT,
            facts={"device": device},
        )
        return
    first, found = time.monotonic() - began, Difference.of(expected, drawn)
    times = _seconds(trial) / usual
    facts: Facts = {"device": device, "first_seconds": first, "times_uncompiled": times, "largest": found.largest}
    told = f"works on {device}: {first:.0f} s at first, then {times:.2g} times the time; from uncompiled {found.said}"
    if found.passes("float32"):
        yield ok(WHAT, told, facts=facts)
    else:
        yield problem(WHAT, f"its pictures are others: {found.said}", "Leave `compile` out of studies.", facts=facts)


def _seconds(trial: Trial) -> float:
    """The median of three batches."""
    taken = []
    for _ in range(3):
        began = time.monotonic()
        trial.draw()
        taken.append(time.monotonic() - began)
    return sorted(taken)[1]
