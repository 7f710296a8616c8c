import os
import signal
import sys
from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Finding, ok
from seedscope.jobs.doctor.site import Site


def check(site: Site) -> Iterator[Finding]:
    yield ok("alive", "it was well")
    print("last words", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
