"""How many pictures of the bundled models one worker draws in an hour."""

import time
from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, ok
from seedscope.jobs.doctor.site import Site
from seedscope.jobs.doctor.trial import SPROUT, TURBO, Kind, opened

SEEDS = {"cpu": 4, "cuda": 64, "mps": 16}
"""Of two prompts each, in a batch."""


def check(site: Site) -> Iterator[Finding]:
    import torch

    share = min(10.0, site.seconds / 4) / len(site.devices)
    for device in site.devices:
        for kind in (TURBO, SPROUT):
            an_hour = 3600 * rate(kind, device, SEEDS[device], share)
            threads = torch.get_num_threads() if device == "cpu" else None
            alone = f"one worker of {threads} thread{'s' if threads != 1 else ''}" if device == "cpu" else "one worker"
            told = f"{kind.way}: {alone} draws about {_rounded(an_hour):,} pictures an hour"
            facts: Facts = {"device": device, "model": kind.way, "pictures_an_hour": an_hour, "threads": threads}
            yield ok(f"speed on {device}", told, facts=facts)


def rate(kind: Kind, device: str, seeds: int, seconds: float) -> float:
    """Pictures a second: whole batches for about so many seconds, one at least, after one to warm up."""
    trial = opened(kind, device, seeds=seeds)
    trial.draw()
    began, drawn = time.monotonic(), 0
    while drawn == 0 or time.monotonic() - began < seconds:
        drawn += len(trial.draw())
    return drawn / (time.monotonic() - began)


def _rounded(number: float) -> int:
    """To two digits: no machine is quieter than that."""
    return int(float(f"{number:.2g}"))
