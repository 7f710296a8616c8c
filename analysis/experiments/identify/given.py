"""What a run knows of its pictures beside them: measurements, the noise they began with, and where their objects are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from seedscope.analysis.experiments.identify.crossed_pictures import CrossedPictures
from seedscope.analysis.experiments.identify.identify import Given, Masks
from seedscope.analysis.judging.measurement import WITNESS, measurements
from seedscope.analysis.run.run import DrawnRun, Run
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.pipeline.study.plan import Unit

if TYPE_CHECKING:
    import pyarrow as pa

    from seedscope.pipeline.tables.table import Table

UNITS_KEPT = 96


def given(run: Run, pictures: CrossedPictures) -> Given:
    """All of it that there is, for these pictures.

    Raises:
        CorruptShard: a shard is damaged.
    """
    return Given(_measurements(run, pictures), _latents(run, pictures), _masks(run, pictures))


def _measurements(run: Run, pictures: CrossedPictures) -> npt.NDArray[np.float32] | None:
    """(P, S, D): what features, measured on all pictures, give of one alone, without what compares it with real ones."""
    found, units = [], {unit.name for unit in run.units}
    for measure in run.measures:
        for item in measurements(measure.feature):
            if item.column == WITNESS or not units <= measure.table.committed():
                continue
            grid = read_grid(measure.table, item.column, run.units)
            rows = {prompt: place for place, prompt in enumerate(grid.prompts)}
            columns = {int(seed): place for place, seed in enumerate(grid.seeds)}
            at = np.ix_([rows[prompt.id] for prompt in pictures.prompts], [columns[seed] for seed in pictures.seeds])
            found.append(grid.values[at])
    return np.stack(found, axis=-1) if found else None


def _latents(run: Run, pictures: CrossedPictures) -> npt.NDArray[np.float32] | None:
    if not isinstance(run, DrawnRun):
        return None
    from seedscope.pipeline.drawing.noise import recipe_of

    recipe = recipe_of(run.study, run.located)
    if recipe is None:
        return None
    latents = np.stack([recipe.latent(seed).numpy() for seed in pictures.seeds])
    channels_last = run.located.geometry.channels_last
    return np.moveaxis(latents, -1, 1) if channels_last else latents


def _masks(run: Run, pictures: CrossedPictures) -> Masks | None:
    layout = next((item for item in run.measures if item.feature.name == "layout"), None)
    if layout is None or "mask" not in layout.table.schema.names or not layout.table.committed():
        return None
    return _ObjectMasks(layout.table, run.units, pictures)


class _ObjectMasks:
    """Place of a prompt -> (S, H, W), true where the object of each seed's picture is."""

    def __init__(self, table: Table, units: Sequence[Unit], pictures: CrossedPictures) -> None:
        self._table, self._pictures = table, pictures
        self._columns = {seed: place for place, seed in enumerate(pictures.seeds)}
        self._of_prompt: dict[str, list[str]] = {}
        for unit in units:
            for prompt in unit.prompts:
                self._of_prompt.setdefault(prompt.id, []).append(unit.name)
        self._read = lru_cache(UNITS_KEPT)(self._read_unit)

    def __call__(self, at: int) -> npt.NDArray[np.bool_]:
        prompt = self._pictures.prompts[at].id
        _, seeds, height, width, _ = self._pictures.pixels.shape
        found = np.zeros((seeds, height, width), np.bool_)
        for unit in self._of_prompt[prompt]:
            for row in self._read(unit).to_pylist():
                if row["prompt_id"] == prompt and row["mask"] is not None:
                    with Image.open(io.BytesIO(row["mask"]["bytes"])) as mask:
                        found[self._columns[row["seed"]]] = np.asarray(mask.convert("L").resize((width, height))) > 127
        return found

    def _read_unit(self, unit: str) -> pa.Table:
        return self._table.read(unit, ["prompt_id", "seed", "mask"])
