"""Seeds of which every picture failed: nothing can be said of them, nor of others beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow.compute as pc

from seedscope.analysis.run.run import DrawnRun, Run
from seedscope.pipeline.errors import UserError

NAMED = 5


def failed_seeds(run: Run) -> tuple[int, ...]:
    """Of a run that has all its units: the seeds without a picture, which are left out of a sweep's confirmation alone.

    Shards are read only where a picture failed.

    Raises:
        UserError: a seed has none; of a sweep, where that leaves none to compare with another.
    """
    ledger = run.images.ledger("unit", "failed")
    failing = set(ledger.filter(pc.greater(ledger["failed"], 0))["unit"].to_pylist())
    if not failing:
        return ()
    pictures, reasons = Counter[int](), Counter[str]()
    for unit in run.units:
        if unit.name not in failing:
            pictures.update(seed for _, seed in unit.cells)
            continue
        rows = run.images.read(unit.name, ["seed", "status", "error"]).to_pylist()
        pictures.update(row["seed"] for row in rows if row["status"] == "ok")
        reasons.update(row["error"] for row in rows if row["status"] != "ok")
    without = tuple(seed for seed in run.wanted.seeds if not pictures[seed])
    if without and (run.race is None or len(without) > len(run.wanted.seeds) - 2):
        raise UserError(_sentence(run, without, reasons.most_common(1)[0][0]))
    return without


def named(seeds: Sequence[int]) -> str:
    """The first of some seeds: `3, 5, 8, 9, 12, ...`."""
    return ", ".join(map(str, seeds[:NAMED])) + (", ..." if len(seeds) > NAMED else "")


def _sentence(run: Run, seeds: Sequence[int], reason: str) -> str:
    which = (
        "no seed has" if len(seeds) == len(run.wanted.seeds) else f"of {len(seeds)} seeds ({named(seeds)}) there is not"
    )
    hint = "`seedscope status` names the failed cells."
    if isinstance(run, DrawnRun) and run.study.compute.dtype == "float16":
        hint = (
            "Some models, and the autoencoders of many, overflow in float16: set `compute: {dtype: bfloat16}` or float32, and "
            "another name or folder (--out)."
        )
    return f"{run.folder.storage.url}: {which} a single picture: all failed ({reason}). {hint}"
