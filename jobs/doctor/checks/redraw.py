"""Whether the same cells, drawn again, are the same pictures: by the same open model, and by one that is opened anew."""

from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, ok, problem
from seedscope.jobs.doctor.site import Site

REMEDY = (
    "Look for what changes kernels from call to call (cudnn.benchmark, a patched sampler); set "
    "CUBLAS_WORKSPACE_CONFIG=:4096:8. Until then no seed of this machine can be trusted."
)


def check(site: Site) -> Iterator[Finding]:
    from seedscope.jobs.doctor.trial import Difference, Trial, both_ways, opened

    for device in site.devices:
        for kind in both_ways(site):
            trial = opened(kind, device)
            first, again = trial.draw(), trial.draw()
            anew = Trial(kind, device).draw()
            found = max(Difference.of(first, again), Difference.of(first, anew), key=lambda one: one.largest)
            what = f"redraw on {device}"
            facts: Facts = {"device": device, "way": kind.way, "largest": found.largest}
            if found.largest:
                yield problem(what, f"{kind.way}: the same seed is another picture: {found.said}", REMEDY, facts=facts)
            else:
                yield ok(what, f"{kind.way}: {found.said}", facts=facts)
