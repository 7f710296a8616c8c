from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Finding, note, ok
from seedscope.jobs.doctor.site import Site


def check(site: Site) -> Iterator[Finding]:
    yield ok("well", f"in {site.scratch.name}", facts={"seconds": site.seconds})
    yield note("worth a word", "a sentence " * 12, "Do this, " * 12)
