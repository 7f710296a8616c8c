"""Where the objects of each seed stand, from the masks and places that `layout` measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.features.layout.layout import Layout as LayoutFeature
from seedscope.analysis.report.data import Layout
from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.images import ImageError, Mask, decode_mask

GRID = 16
"""Cells a side of a heat map."""
Heat = npt.NDArray[np.float64]


def layouts(run: Run) -> dict[int, Layout]:
    """Of each seed with at least one picture that shows an object; empty where layout is not measured.

    Shards are read one after the other; masks are let go once they are counted.

    Raises:
        CorruptShard: a shard is damaged.
    """
    measure = next((item for item in run.measures if isinstance(item.feature, LayoutFeature)), None)
    if measure is None:
        return {}
    found: dict[int, _Places] = {}
    columns = [name for name in ("x", "y", "size", "nearness", "mask") if name in measure.table.schema.names]
    for unit in run.units:
        rows = measure.table.read(unit.name, ["prompt_id", "seed", "status", *columns])
        rows = rows.filter(pc.and_(pc.equal(rows["status"], "ok"), pc.is_valid(rows["x"])))
        _add(found, rows, measure, unit.name)
    return {seed: found[seed].layout() for seed in sorted(found)}


def coverage(mask: Mask, side: int = GRID) -> Heat:
    """(side, side): how much of each cell of a grid over a mask (H, W) is covered, 0..1."""
    picture = Image.fromarray(mask.astype(np.float32), "F")
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX), dtype=np.float64)


@dataclass
class _Places:
    """What is known of one seed's objects so far."""

    covered: Heat = field(default_factory=lambda: np.zeros((GRID, GRID)))
    masks: int = 0
    centroids: list[tuple[float, float]] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    nearness: list[float] = field(default_factory=list)

    def layout(self) -> Layout:
        heat = np.clip(self.covered / self.masks, 0, 1).tolist() if self.masks else []
        return Layout(heat, self.centroids, _mean(self.sizes), _mean(self.nearness))


def _add(found: dict[int, _Places], rows: pa.Table, measure: Measure, unit: str) -> None:
    for row in rows.to_pylist():
        places = found.setdefault(row["seed"], _Places())
        places.centroids.append((row["x"], row["y"]))
        places.sizes.append(row["size"])
        if row["nearness"] is not None:
            places.nearness.append(row["nearness"])
        if row.get("mask") is not None:
            try:
                places.covered += coverage(decode_mask(row["mask"]["bytes"]))
            except ImageError as error:
                raise CorruptShard(
                    f"{measure.table.shard(unit)}: the mask of seed {row['seed']}, prompt {row['prompt_id']}: {error}"
                ) from error
            places.masks += 1


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
