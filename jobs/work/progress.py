"""What a person sees while units are made: a bar a stage and a line a worker on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from seedscope.jobs.work.metrics import Metrics
from seedscope.jobs.work.pace import Made, Pace, format_rate, format_time
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.receipts import Receipt

EVERY_SECONDS = 10.0
MOST_WORKERS = 16


Told = Callable[[str, Unit], str | None]
"""Stage and unit -> a line about the unit; None where there is nothing to say."""


class Watcher:
    """Reports on stages, of which several may run at once, and counts for dashboards.

    Use as a context manager. Call it with (stage, units to make) for a callback that takes each unit with its receipts;
    tell it of what goes wrong by `retried`, `quarantined` and `note`. All of it may be called from any thread.
    """

    def __init__(self, console: Console, run: str, made: Told | None = None) -> None:
        """made: asked, of each unit that is made, for something to say of it."""
        self.console = console
        self._told = made
        self._metrics = Metrics(run)
        self._stages: list[StageProgress] = []
        self._bars = _Bars(self._stages, console)
        self._lock = threading.RLock()

    def __enter__(self) -> "Watcher":
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._bars.stop()

    def __call__(self, stage: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:
        stage_progress = StageProgress(stage, len(units), sum(map(len, units)))
        with self._lock:
            self._stages.append(stage_progress)
            tell = self._bar(stage_progress) if self.console.is_terminal else self._lines(stage_progress)

        def report(unit: Unit, receipts: Sequence[Receipt]) -> None:
            with self._lock:
                failed = stage_progress.add(unit, receipts)
                left = sum(each.left for each in self._stages if each.stage == stage)
                self._metrics.made(stage, len(unit), failed, left, stage_progress.rate())
                tell()
                if self._told is not None and (said := self._told(stage, unit)):
                    self.note(said)

        return report

    def retried(self, stage: str, unit: str, reason: str) -> None:
        """A unit failed, or its worker died, and it is begun again."""
        self._metrics.retried(stage)
        self.note(f"{stage}: {unit} is tried again: {reason}")

    def quarantined(self, stage: str, unit: str, reason: str) -> None:
        """A unit was given up, so that the rest can go on."""
        self._metrics.quarantined(stage)
        self.note(f"{stage}: {unit} is given up for now: {reason}")

    def note(self, text: str) -> None:
        """Tell what happened in a line of its own, above the bars."""
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def _bar(self, stage_progress: "StageProgress") -> Callable[[], None]:
        for before in self._bars.tasks:
            if before.description == stage_progress.stage and before.finished:
                self._bars.update(before.id, visible=False)
        task: TaskID = self._bars.add_task(
            stage_progress.stage, total=stage_progress.cells, stage_progress=stage_progress
        )
        return lambda: self._bars.update(task, completed=stage_progress.done)

    def _lines(self, stage_progress: "StageProgress") -> Callable[[], None]:
        self.note(f"{stage_progress.stage}: {stage_progress.cells:,} cells in {stage_progress.units:,} units to make")
        printed = time.monotonic()

        def tell() -> None:
            nonlocal printed
            if not stage_progress.left or time.monotonic() - printed > EVERY_SECONDS:
                printed = time.monotonic()
                self.note(
                    f"{stage_progress.stage}: {stage_progress.done:,} of {stage_progress.cells:,} cells, {stage_progress}"
                )

        return tell


class StageProgress:
    """How far a stage is, how fast it goes, and when it will be done."""

    def __init__(self, stage: str, units: int, cells: int) -> None:
        self.stage, self.units, self.cells = stage, units, cells
        self.done, self.failed = 0, 0
        self._pace, self._ended = Pace(), 0.0

    @property
    def left(self) -> int:
        return self.cells - self.done

    def add(self, unit: Unit, receipts: Sequence[Receipt]) -> int:
        """Count a unit; return how many of its cells failed."""
        failed = sum(receipt.failed for receipt in receipts)
        self.done += len(unit)
        self.failed += failed
        if made := Made.of(len(unit), receipts, time.time()):
            self._pace.add(made)
        if not self.left:
            self._ended = time.time()
        return failed

    def rate(self) -> float | None:
        return self._pace.rate(self._now())

    def workers(self) -> dict[str, float]:
        """Cells a second of each worker, while there is something to make."""
        return self._pace.workers(self._now()) if self.left else {}

    def _now(self) -> float:
        """The rate of a stage that is done stays what it was."""
        return self._ended or time.time()

    def __str__(self) -> str:
        rate = self.rate()
        if not self.done:
            return "starting"
        parts = [format_rate(rate)]
        if self.left and rate:
            parts.append(f"{format_time(self.left / rate)} left")
        if self.left and (workers := len(self.workers())) > 1:
            parts.append(f"{workers} workers")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return ", ".join(parts)


class _Bars(Progress):
    """A bar a stage, and beneath them a line a worker."""

    def __init__(self, stages: Sequence[StageProgress], console: Console) -> None:
        self._stages = stages
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Told())
        # What is printed meanwhile stands above the bars, and stays in a file that it goes to.
        above = sys.stdout.isatty()
        super().__init__(*columns, console=console, refresh_per_second=2, redirect_stdout=above)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        lines = [
            f"  {stage_progress.stage}: {worker} makes {format_rate(rate)}"
            for stage_progress in self._stages
            for worker, rate in stage_progress.workers().items()
        ]
        if len(lines) > MOST_WORKERS:
            lines[MOST_WORKERS:] = [f"  and {len(lines) - MOST_WORKERS} workers more"]
        yield Text("\n".join(lines), style="dim")


class _Told(ProgressColumn):
    """Rate, time left and failures of a bar's stage."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields["stage_progress"]))
