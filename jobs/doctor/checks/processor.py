"""The processor, how many of its cores may be used, and who else uses them."""

import os
from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok
from seedscope.jobs.doctor.site import Site


def check(site: Site) -> Iterator[Finding]:  # noqa: ARG001
    from seedscope.pipeline.running.machine import machine

    facts = machine()
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    load = os.getloadavg()[0]
    told = f"{facts['cpu'] or facts['machine']}, {cores} cores, {facts['cpu_capability']}"
    more: Facts = {**facts, "cores": cores, "usable_cores": usable, "load": round(load, 2)}
    if usable < cores:
        yield note(
            "processor", f"{told}; this process may use {usable}", f"Say --workers {usable} in a run.", facts=more
        )
    else:
        yield ok("processor", told, facts=more)
    if load > cores:
        yield note(
            "other work",
            f"{load:.1f} processes want the {cores} cores: what is timed below is slower than it would be",
            "Ask again when the machine is quiet.",
        )
