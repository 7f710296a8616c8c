from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Finding, ok
from seedscope.jobs.doctor.site import Site


def check(site: Site) -> Iterator[Finding]:
    yield ok("before", "it was well")
    raise ArithmeticError("one\nand one")
