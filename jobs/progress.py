"""What a person sees while units are made: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seedscope.pipeline.plan import Unit
from seedscope.pipeline.store import Receipt

EVERY_SECONDS = 10.0


class Watcher:
    """Reports on one stage after another; use as a context manager, call with (stage name, units to make)."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )

    def __enter__(self) -> "Watcher":
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._bar.stop()

    def __call__(self, stage: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:
        return self._on_terminal(stage, units) if self.console.is_terminal else self._as_lines(stage, units)

    def _on_terminal(self, stage: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:
        task = self._bar.add_task(stage, total=sum(map(len, units)), rate="starting")
        meter = _Meter()

        def report(unit: Unit, receipts: Sequence[Receipt]) -> None:
            self._bar.update(task, advance=len(unit), rate=meter.add(unit, receipts))

        return report

    def _as_lines(self, stage: str, units: Sequence[Unit]) -> Callable[[Unit, Sequence[Receipt]], None]:
        total, done, printed = sum(map(len, units)), 0, time.monotonic()
        self.console.print(f"{stage}: {total:,} cells in {len(units):,} units to make")
        meter = _Meter()

        def report(unit: Unit, receipts: Sequence[Receipt]) -> None:
            nonlocal done, printed
            done += len(unit)
            rate = meter.add(unit, receipts)
            if done == total or time.monotonic() - printed > EVERY_SECONDS:
                printed = time.monotonic()
                self.console.print(f"{stage}: {done:,} of {total:,} cells, {rate}")

        return report


class _Meter:
    """Cells a second, from the start of the first unit's work on: loading models does not count."""

    def __init__(self) -> None:
        self._cells, self._failed, self._started = 0, 0, 0.0

    def add(self, unit: Unit, receipts: Sequence[Receipt]) -> str:
        if not self._cells:
            seconds = max((float(str(receipt.made["seconds"])) for receipt in receipts), default=0.0)
            self._started = time.monotonic() - seconds
        self._cells += len(unit)
        self._failed += sum(receipt.failed for receipt in receipts)
        rate = self._cells / max(time.monotonic() - self._started, 1e-3)
        return f"{rate:.1f} a second" + (f", {self._failed} failed" if self._failed else "")
