"""Whether a batch is the pictures that its cells are one by one."""

from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, ok, problem
from seedscope.jobs.doctor.site import Site

REMEDY = "Draw with `batch_size: 1`, and tell of it: cells of a batch must not change each other."


def check(site: Site) -> Iterator[Finding]:
    import numpy as np

    from seedscope.jobs.doctor.trial import Difference, both_ways, opened

    for device in site.devices:
        for kind in both_ways(site):
            trial = opened(kind, device)
            single = np.concatenate([trial.draw([cell]) for cell in trial.cells])
            found = Difference.of(trial.draw(), single)
            what = f"batch on {device}"
            facts: Facts = {"device": device, "way": kind.way, "largest": found.largest, "small": found.small}
            if found.passes(trial.dtype):
                yield ok(what, f"{kind.way}: {len(single)} together and one by one: {found.said}", facts=facts)
            else:
                yield problem(
                    what, f"{kind.way}: a batch is other pictures than its cells: {found.said}", REMEDY, facts
                )
