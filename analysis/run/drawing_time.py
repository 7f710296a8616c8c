"""How long pictures took to draw, and on what, by the receipts of their shards."""

from __future__ import annotations

from collections.abc import Sequence

from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table


def seconds_a_picture(images: Table, units: Sequence[Unit]) -> float | None:
    """How long a picture took to draw; None where receipts do not tell."""
    committed = images.committed()
    known = [(len(unit), images.receipt(unit.name).seconds) for unit in units if unit.name in committed]
    told = [(count, seconds) for count, seconds in known if seconds is not None]
    count = sum(number for number, _ in told)
    return sum(seconds for _, seconds in told) / count if count else None


def drawn_on(images: Table, units: Sequence[Unit]) -> set[str]:
    """What pictures were drawn on, in words: a GPU, or a processor with so many threads."""
    committed, found = images.committed(), set[str]()
    for unit in units:
        if unit.name in committed:
            made = images.receipt(unit.name).made
            on_cpu = f"{made.get('cpu')}, {made.get('threads')} thread(s)"
            found.add(on_cpu if str(made.get("device")) == "cpu" else f"{made.get('gpu') or made.get('device')}")
    return found
