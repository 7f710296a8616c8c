"""How fast units are made and how long the rest will take, from when each was finished and how long it took."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from seedscope.pipeline.tables.parquet import tuples
from seedscope.pipeline.tables.receipts import Receipt

WINDOW_SECONDS = 300.0
LEDGER = ["rows", "finished", "seconds", "worker"]
"""The columns of receipts that say how fast units were made."""
_LATEST = 10


class Made(NamedTuple):
    """A unit that a worker made. finished: seconds since the epoch; seconds: how long it took; worker: `host:process`."""

    cells: int
    finished: float
    seconds: float
    worker: str

    @classmethod
    def of(cls, cells: int, receipts: Sequence[Receipt], finished: float) -> "Made | None":
        """From the receipts of a unit, one a table; None where these do not say how long it took and by whom.

        Args:
            cells: of the unit.
            finished: when, on this machine's clock.
        """
        seconds = [seconds for receipt in receipts if (seconds := receipt.seconds) is not None]
        workers = [worker for receipt in receipts if (worker := receipt.worker) is not None]
        return cls(cells, finished, max(seconds), workers[0]) if seconds and workers else None

    @classmethod
    def read(cls, ledger: pa.Table) -> "list[Made]":
        """The units of a table, by the clocks of their workers, but for those whose receipts do not say all of it.

        Args:
            ledger: `rows`, `finished`, `seconds` and `worker` of its receipts.
        """
        return [cls._make(row) for row in tuples(ledger.select(LEDGER).drop_null())]


class Pace:
    """The rate of the last minutes: of five, or of as many as three units take."""

    def __init__(self, made: Iterable[Made] = ()) -> None:
        self._recent = deque(sorted(made, key=lambda one: one.finished))

    def add(self, made: Made) -> None:
        """A unit was made after all that are known."""
        self._recent.append(made)
        self._forget(made.finished)

    def rate(self, now: float) -> float | None:
        """Cells a second; None where nothing was finished in the last minutes."""
        self._forget(now)
        return self._rate(self._recent, now)

    def workers(self, now: float) -> dict[str, float]:
        """Cells a second of each worker that finished something in the last minutes, by name."""
        self._forget(now)
        theirs: dict[str, list[Made]] = {}
        for made in self._recent:
            theirs.setdefault(made.worker, []).append(made)
        return {worker: self._rate(theirs[worker], now) or 0.0 for worker in sorted(theirs)}

    def _rate(self, made: Sequence[Made], now: float) -> float | None:
        """From the start of the first unit on, where that is later than the window's: loading models does not count."""
        if not made:
            return None
        begun = max(min(one.finished - one.seconds for one in made), now - self._window())
        return sum(one.cells for one in made) / max(now - begun, 1e-3)

    def _window(self) -> float:
        latest = [self._recent[-1 - i].seconds for i in range(min(_LATEST, len(self._recent)))]
        return max(WINDOW_SECONDS, 3 * max(latest, default=0.0))

    def _forget(self, now: float) -> None:
        oldest = now - self._window()
        while self._recent and self._recent[0].finished < oldest:
            self._recent.popleft()


def format_rate(rate: float | None) -> str:
    """Such as `12.3 a second`; a slow one by the minute or by the hour."""
    if rate is None:
        return "no rate yet"
    for factor, name in ((1, "second"), (60, "minute")):
        if rate * factor >= 1:
            return f"{rate * factor:,.1f} a {name}"
    return f"{rate * 3600:,.1f} an hour"


def format_time(seconds: float) -> str:
    """Such as `45 s`, `12 min`, `3 h 20 min`, `2 d 5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
