"""The main memory that is left for workers."""

from collections.abc import Iterator
from pathlib import Path

from seedscope.jobs.doctor.finding import Facts, Finding, not_tried, note, ok
from seedscope.jobs.doctor.site import Site

GIB = 2**30
A_WORKER = 2 * GIB
"""What a worker of a small model wants; one of a large one wants four times its weights."""


def check(site: Site) -> Iterator[Finding]:  # noqa: ARG001
    found = available(Path("/proc/meminfo"), Path("/sys/fs/cgroup"))
    if found is None:
        yield not_tried("memory", "this system does not say how much there is")
        return
    total, left = found
    told = f"{left / GIB:,.1f} GiB of {total / GIB:,.1f} GiB are free"
    facts: Facts = {"total_bytes": total, "available_bytes": left}
    if left < A_WORKER:
        yield note("memory", told, "A worker wants 2 GiB: end other programs.", facts=facts)
    else:
        yield ok("memory", told, facts=facts)


def available(meminfo: Path, cgroup: Path) -> tuple[int, int] | None:
    """(all, free) bytes, of what the container may have where there is one (cgroup v2); None where neither file tells."""
    try:
        lines = [line.split() for line in meminfo.read_text().splitlines()]
        kib = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}
        total, left = kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or one without a limit: `max`
        return total, left
    return min(total, limit), max(0, min(left, limit - used))
