"""A clock that stands still while its process does: a driver that was stopped, or a laptop that slept, blames nobody for it."""

from collections.abc import Callable
from time import monotonic

LONGEST_LOOK = 10.0
"""Seconds between two looks at the clock that count as such; who looks every second or so was kept from it for the rest."""


class AwakeClock:
    """Seconds that this process has been awake, if it looks at the clock every few seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last, self._seconds = clock(), 0.0

    def __call__(self) -> float:
        now = self._clock()
        self._seconds += min(now - self._last, LONGEST_LOOK)
        self._last = now
        return self._seconds


awake = AwakeClock()
