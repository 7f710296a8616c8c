"""A run whose pictures and measurements are made up, in the tables of a real one: nothing is drawn, no network is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from seedscope.analysis.run.opened import opened
from seedscope.analysis.run.run import Run
from seedscope.pipeline.images import Pixels, encode
from seedscope.pipeline.tables.table import Table

STUDY = {
    "name": "made-up",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "unit": {"prompts": 4, "seeds": 4},
    "features": [
        {"clip_score": {"model": "sprout-clip"}},
        {"layout": {"model": "sprout-layout/segmentation", "depth": "", "objects": "any", "masks": False}},
    ],
    "ranking": {"by": "clip_score", "golden": 2, "shuffles": 20},
}
OBJECTS = ("cat", "car", "tree", "duck", "robot", "fish", "dog", "bus")
Values = Mapping[str, np.ndarray]


def made_up(prompts: int, seeds: int, rng: int = 0) -> dict[str, np.ndarray]:
    """Column -> values (P, S), in 0..1; seeds differ in all of them."""
    draw = np.random.default_rng(rng)
    return {
        name: 0.5 + 0.1 * draw.standard_normal(seeds) + 0.03 * draw.standard_normal((prompts, seeds))
        for name in ("clip_score", "x", "y", "size")
    }


def _colour(_: int, seed: int) -> Pixels:
    return np.full((8, 8, 3), (seed % 256, 128, 64), np.uint8)


def publish_run(
    folder: Path, values: Values, *, pixels: Callable[[int, int], Pixels] = _colour, **changes: Any
) -> Path:
    """The study file of a run in `folder / "run"` with these values (P, S), or vectors (P, S, D); NaN stays NaN, -1 becomes
    null.

    pixels: (place of a prompt, seed) -> its picture (H, W, 3); without it, each seed is a colour.
    """
    prompts, seeds = next(iter(values.values())).shape[:2]
    grid = [{"grid": {"objects": list(OBJECTS[:prompts]), "modifiers": ["a {object}"]}}]
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY | {"prompts": grid, "seeds": list(range(seeds))} | changes))
    with opened(study, folder / "run") as run:
        job = run
    row = {prompt.id: i for i, prompt in enumerate(job.wanted.prompts)}
    for unit in job.units:
        places = [(row[prompt.id], seed) for prompt, seed in unit.cells]
        texts = [prompt.text for prompt, _ in unit.cells]
        pictures = [{"bytes": encode(pixels(*place)), "path": None} for place in places]
        _publish(job, job.images, unit, {"prompt": texts, "image": pictures})
        for measure in job.measures:
            names = [item.name for item in measure.feature.fields() if item.name in values]
            columns = {name: [_value(values[name][place].tolist()) for place in places] for name in names}
            _publish(job, measure.table, unit, columns)
    return study


def _value(value: Any) -> Any:
    return None if value == -1 else value


def _publish(job: Run, table: Table, unit: Any, columns: Mapping[str, Sequence[Any]]) -> None:
    cells = list(unit.cells)
    known = {
        "prompt_id": [prompt.id for prompt, _ in cells],
        "seed": [seed for _, seed in cells],
        "status": ["ok"] * len(unit),
    }
    rows = known | columns
    arrays = [pa.array(rows.get(item.name, [None] * len(unit)), item.type) for item in table.schema]
    table.publish(unit, pa.table(arrays, schema=table.schema), {"source": "made up"})
