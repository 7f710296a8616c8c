"""What a dashboard can plot of a run. Ray exports it on each node's metrics port, to Prometheus and so to Grafana.

Every metric is tagged with `run`, the study's name, and `stage`. Prometheus shows it with `ray_` in front, and a counter with
`_total` behind, such as `ray_seedscope_cells_made_total`. The driver records them, and only while Ray runs.
"""

import sys
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.util.metrics import Counter, Gauge

COUNTERS = {
    "seedscope_cells_made": "Cells that were made, the failed among them.",
    "seedscope_cells_failed": "Cells that became a row with an error.",
    "seedscope_units_retried": "Units that failed, or whose worker died, and that were begun again.",
    "seedscope_units_quarantined": "Units that failed three times and were given up.",
}
GAUGES = {
    "seedscope_cells_to_make": "Cells that are left to make.",
    "seedscope_cells_per_second": "Cells a second in the last minutes.",
}
TAGS = ("run", "stage")


class Metrics:
    """The counters and gauges of one run."""

    def __init__(self, run: str) -> None:
        self.run = run

    def made(self, stage: str, cells: int, failed: int, left: int, rate: float | None) -> None:
        """A unit was made: its cells, the failed among them, the cells of the stage that are left, and its rate."""
        self._count("seedscope_cells_made", stage, cells)
        self._count("seedscope_cells_failed", stage, failed)
        self._show("seedscope_cells_to_make", stage, left)
        self._show("seedscope_cells_per_second", stage, rate or 0.0)

    def retried(self, stage: str) -> None:
        """A unit failed, or its worker died, and it is begun again."""
        self._count("seedscope_units_retried", stage, 1)

    def quarantined(self, stage: str) -> None:
        """A unit failed three times and was given up."""
        self._count("seedscope_units_quarantined", stage, 1)

    def _count(self, name: str, stage: str, more: int) -> None:
        if more and _ray_runs():
            self._counters[name].inc(more, {"run": self.run, "stage": stage})

    def _show(self, name: str, stage: str, value: float) -> None:
        if _ray_runs():
            self._gauges[name].set(value, {"run": self.run, "stage": stage})

    @cached_property
    def _counters(self) -> "dict[str, Counter]":
        from ray.util.metrics import Counter

        return {name: Counter(name, text, TAGS) for name, text in COUNTERS.items()}

    @cached_property
    def _gauges(self) -> "dict[str, Gauge]":
        from ray.util.metrics import Gauge

        return {name: Gauge(name, text, TAGS) for name, text in GAUGES.items()}


def _ray_runs() -> bool:
    """Whether this process has joined a cluster. `--executor inline` never loads Ray."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
