"""Wait for what another process or thread does, however slow the machine is."""

import time
from collections.abc import Callable

GENEROUS = 300.0
"""Seconds, more than anything that a test waits for takes on a machine that is busy with other things."""


def until(holds: Callable[[], object], what: str) -> None:
    """Return once it holds.

    Raises:
        AssertionError: it still does not, long after it should.
    """
    gives_up = time.monotonic() + GENEROUS
    while not holds():
        assert time.monotonic() < gives_up, f"still not so: {what}"
        time.sleep(0.02)
