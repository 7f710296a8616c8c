"""How fast this machine draws and measures the pictures of a study: its own stages, on pieces of its own units."""

import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median

from seedscope.analysis.features.feature_stage import Features, Generated, Measure, OpenFeatures, feature_table
from seedscope.analysis.run.bench_file import Bench, conditions
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.pricing import Spread
from seedscope.pipeline.drawing.generate import Generate, whole_sets
from seedscope.pipeline.models.device import pick_device
from seedscope.pipeline.running.machine import machine
from seedscope.pipeline.running.stage import OpenStage, Stage, make
from seedscope.pipeline.running.worker import settle
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.tables.table import Table

ROUNDS = 5


@dataclass(frozen=True)
class _Round:
    """One piece of work: its pictures, the seconds and the bytes of each stage, the seconds of each feature by itself."""

    pictures: int
    seconds: dict[str, float]
    bytes: dict[str, int]
    features: dict[str, float]


def bench(run: DrawnRun, seconds: float, threads: int, scratch: Path) -> Bench:
    """Draw and measure pieces of the study's units in the folder `scratch`, as a worker of a run does.

    A first batch warms up, a second one tells how many fill a fifth of the time, and five rounds of so many are timed: seven
    batches, however short the time. One stage follows the other, each alone.

    Raises:
        UserError: the model or a feature cannot be loaded.
    """
    device = pick_device(run.study.compute.device)
    settle(threads)
    stages = _stages(run, scratch)
    began = time.monotonic()
    opened = {name: stage.open() for name, stage in stages.items()}
    loading = time.monotonic() - began
    _timed(opened, next(pieces(run, 1, "warm-up")))
    trial = _timed(opened, next(pieces(run, 1, "trial")))
    batches = max(1, int(seconds / ROUNDS / sum(trial.seconds.values())))
    rounds = [_timed(opened, piece) for piece in islice(pieces(run, batches, "round"), ROUNDS)]
    return Bench(
        study=run.study.name,
        fingerprint=fingerprint(conditions(run)),
        conditions=conditions(run),
        machine=dict(machine()),
        device=device,
        threads=threads,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        rounds=ROUNDS,
        pictures=rounds[0].pictures,
        rate={name: _rate(rounds, name) for name in stages}
        | {"worker": _rate(rounds, *_of_one_worker(stages, device))},
        seconds={name: median(one.features[name] / one.pictures for one in rounds) for name in rounds[0].features},
        bytes={name: sum(one.bytes[name] for one in rounds) / sum(one.pictures for one in rounds) for name in stages},
        memory=_memory(),
        loading=loading,
    )


def threads_of_a_worker(device: str) -> int:
    """CPU threads that a worker of a run has on this machine: one, as there is one a core; beside GPUs its share of cores."""
    import torch

    return max(1, (os.cpu_count() or 1) // torch.cuda.device_count()) if device == "cuda" else 1


def _stages(run: DrawnRun, scratch: Path) -> dict[str, Stage]:
    """The stages of the run, with tables of their own."""
    images = Table.of(scratch, "images", fingerprint(run.cause), run.images.schema)
    measures = [Measure(item, feature_table(scratch, item.name, item, fingerprint(run.cause))) for item in run.measured]
    return {
        "images": Generate(run.study, run.located, images, run.task),
        "features": Features(Generated(images), measures, run.study.compute.device),
    }


def pieces(run: DrawnRun, batches: int, name: str) -> Iterator[Unit]:
    """Endless pieces of the run's first block of prompts: so many whole batches each, but no more than a unit has.

    All are of the same prompts, as a worker meets a block of them for all seeds in a row.
    """
    unit, batch, seeds = run.units[0], run.study.compute.batch_size, run.wanted.seeds
    prompts = next(some for some in range(min(batch, len(unit.prompts)), 0, -1) if batch % some == 0)
    batches = min(batches, max(1, len(unit) // batch))
    size = whole_sets(min(batch // prompts * batches, len(seeds)), run.task.together)
    turning = cycle(seeds)
    return (
        Unit.crossed(f"{name}-{number}", unit.prompts[:prompts], tuple(islice(turning, size))) for number in count()
    )


def _timed(stages: Mapping[str, OpenStage], piece: Unit) -> _Round:
    found = _Round(len(piece), {}, {}, {})
    for name, stage in stages.items():
        began = time.monotonic()
        receipts = make(stage, piece)
        found.seconds[name] = time.monotonic() - began
        found.bytes[name] = sum(receipt.bytes for receipt in receipts)
        if isinstance(stage, OpenFeatures):
            for measure, receipt in zip(stage.measures, receipts, strict=True):
                found.features[measure.feature.name] = float(str(receipt.made["compute_seconds"]))
    return found


def _of_one_worker(stages: Mapping[str, Stage], device: str) -> list[str]:
    """The stages that a worker does in turn: of one with a GPU only those that use it, as others have workers beside it."""
    return [name for name, stage in stages.items() if device != "cuda" or stage.needs() == "gpu"]


def _rate(rounds: Sequence[_Round], *stages: str) -> Spread:
    """Pictures a second through some stages, one after the other."""
    return Spread.of([one.pictures / sum(one.seconds[stage] for stage in stages) for one in rounds])


def _memory() -> dict[str, int | None]:
    """The most that this process has held so far, in bytes."""
    import torch

    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        "gpu": torch.cuda.max_memory_reserved() if torch.cuda.is_available() else None,
    }
