"""How the time of a call grows with what it is given."""

import time
from collections.abc import Callable
from contextlib import suppress

QUICK = 0.3
"""Seconds of processor time in which growth is not asked about."""


def is_steady(call: Callable[[int], object], size: int, *expected: type[Exception]) -> bool:
    """Whether four times as much takes about four times as long, and not sixteen times; of three tries the best counts.

    Args:
        expected: what the call may raise.
    """
    for _ in range(3):
        if (long := _seconds(call, 4 * size, expected)) < QUICK or long < 9 * _seconds(call, size, expected):
            return True
    return False


def _seconds(call: Callable[[int], object], size: int, expected: tuple[type[Exception], ...]) -> float:
    begun = time.process_time()
    with suppress(*expected):
        call(size)
    return time.process_time() - begun
