"""Seconds of every feature that comes with seedscope, and of the feature stage with all of them, from shards to shards.

    python benchmarks/features.py                  1,024 pictures of sprout-turbo
    python benchmarks/features.py --seeds 4        128 of them
    python benchmarks/features.py --only looks --only clip_score

The pictures are drawn by the stage of `seedscope generate`. Then, unit by unit and turn and turn about:
1. each feature by itself, on decoded pictures in memory, in batches as the stage makes them;
2. all of them on each batch in turn: EfficientNet-Lite0, which two of them use, looks at a batch once;
3. the stage: shards read, decoded, measured, written, checked, synced to disk, committed.
What reading, decoding and writing add is the ratio of 3 to 2. Networks are loaded, and have seen a batch, before.
On a busy machine the ratio of CPU seconds, which counts the threads that decode, is the one to trust.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from seedscope.analysis.features import NAMES, feature
from seedscope.analysis.features.base import Measurer
from seedscope.analysis.features.batches import Batch, Cells
from seedscope.analysis.features.feature_stage import Features, Generated, Measure, OpenFeatures, feature_table
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.running.worker import settle
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import read_prompts
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

BUNDLED: dict[str, dict[str, str]] = {
    "fd_efficientnet_lite0": {},
    "style_efficientnet_lite0": {},
    "looks": {},
    "clip_score": {"model": "sprout-clip"},
    "fd_clip": {"model": "sprout-clip"},
    "layout": {"model": "sprout-layout/segmentation", "depth": "sprout-layout/depth", "objects": "any"},
    "text": {},
}
"""The features whose weights come with seedscope or with a package that it needs, and their options."""
OBJECTS = ["penguin", "cat", "car", "rocket", "tree", "duck", "robot", "pizza"]
MODIFIERS = ["a {object}", "a red {object}", "a {object} on grass", "a large {object}"]
Seconds = npt.NDArray[np.float64]


def drawn(folder: Path, seeds: int) -> tuple[Generated, list[Unit]]:
    """The pictures of 32 prompts, four seeds a unit."""
    study = Study.model_validate(
        {
            "name": "speed",
            "model": "sprout-turbo",
            "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
            "compute": {"device": "cpu"},
            "prompts": [{"grid": {"objects": OBJECTS, "modifiers": MODIFIERS}}],
            "seeds": f"0-{seeds - 1}",
            "unit": {"prompts": 32, "seeds": 4},
        }
    )
    located = locate(study.model)
    table = Table.of(folder, "images", fingerprint(cause(study, located)), IMAGE_SCHEMA)
    stage = Generate(study, located, table, TextToImage(study.prompts)).open()
    units = plan([Edition(tuple(read_prompts(study.prompts)), tuple(study.every_seed))], study.unit)
    for unit in units:
        make(stage, unit)
    return Generated(table), units


def compute(measurers: Sequence[Measurer], batches: Sequence[Batch]) -> None:
    for batch in batches:
        for item in measurers:
            item.measure(batch.pixels, batch.prompts)


def staged(stage: OpenFeatures, unit: Unit) -> Callable[[], object]:
    """The stage on a unit that it has not measured."""
    for table in stage.tables:
        table.revoke(unit.name)
    return partial(make, stage, unit)


def timed(work: Callable[[], object]) -> Seconds:
    """(wall seconds, CPU seconds of all threads) of work()."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu])


def measure(stage: OpenFeatures, units: Sequence[Unit], rounds: int) -> dict[str, Seconds]:
    """By row of the table: (rounds, units, 2) seconds, wall and CPU."""
    names = [item.feature.name for item in stage.measures]
    found: dict[str, list[list[Seconds]]] = {}
    for turn in range(rounds + 1):  # the first warms up, on one unit
        for unit in units if turn else units[:1]:
            batches = list(Cells(stage.source.read(unit), unit.prompts).batches())
            rows = {name: partial(compute, [item], batches) for name, item in zip(names, stage.measurers, strict=True)}
            rows |= {
                "all, in memory": partial(compute, stage.measurers, batches),
                "all, the stage": staged(stage, unit),
            }
            for name, work in rows.items():
                found.setdefault(name, [[] for _ in range(rounds + 1)])[turn].append(timed(work))
    return {name: np.array(turns[1:]) for name, turns in found.items()}


def table(found: dict[str, Seconds], pictures: int) -> Iterator[str]:
    yield f"{'':27s}{'seconds':>9s}{'of the CPU':>13s}{'a picture':>13s}"
    for name, seconds in found.items():
        wall, cpu = np.median(seconds.sum(axis=1), axis=0)
        yield f"{name:27s}{wall:9.2f}{cpu:13.2f}{1000 * cpu / pictures:10.2f} ms"
    whole = found.pop("all, the stage")
    together = found.pop("all, in memory")
    for name, against in (("all, in memory", together), ("sum of the features", np.sum([*found.values()], axis=0))):
        wall, cpu = np.moveaxis(whole / against, -1, 0)
        yield f"stage / {name:22s}{spread(wall)}   CPU seconds {spread(cpu)}"


def spread(ratios: Seconds) -> str:
    return f"{np.median(ratios):.3f} x ({ratios.min():.3f} to {ratios.max():.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    able = [name for name in BUNDLED if name in NAMES]
    parser.add_argument("--only", action="append", choices=able, help="only this feature; may be repeated")
    parser.add_argument("--seeds", type=int, default=32, help="of 32 pictures each; a multiple of four")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    settle(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        source, units = drawn(Path(folder), options.seeds)
        features = [feature(name, **BUNDLED[name]) for name in options.only or able]
        measures = [Measure(item, feature_table(Path(folder), item.name, item, "")) for item in features]
        pictures = sum(map(len, units))
        print(f"{pictures} pictures of sprout-turbo, {options.rounds} rounds, {torch.get_num_threads()} thread(s)")
        for line in table(measure(Features(source, measures, "cpu").open(), units, options.rounds), pictures):
            print(line, flush=True)


if __name__ == "__main__":
    main()
