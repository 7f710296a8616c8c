"""Where the objects of pictures stand, as vectors, and how alike two of them are: what seeds that differ by layout rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.analysis.seeds.scores.vectors import Grid
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table

PLACE = ("x", "y", "size", "nearness")


def read_places(features: Table, columns: Sequence[str], units: Sequence[Unit]) -> Grid:
    """The object of every cell: those of `x`, `y`, `size`, `nearness` that are measured, each in 0..1.

    Of size the root is taken: the side of a square as large, a length as the places are. A picture with no object is NaN, and
    so is a nearness that is not defined.

    Raises:
        CorruptShard: a shard is damaged.
    """
    grids = {column: read_grid(features, column, units) for column in PLACE if column in columns}
    values = np.stack(
        [np.sqrt(grid.values) if column == "size" else grid.values for column, grid in grids.items()], axis=-1
    )
    grid = next(iter(grids.values()))
    return Grid(grid.prompts.tolist(), grid.seeds.tolist(), values)


def same_place(features: Array) -> Array:
    """(S, S) for pictures (S, K) of one prompt: 1 less the mean absolute difference of what both have; NaN with nothing.

    In 0..1, 1 on the diagonal: at 0.9 two objects differ by a tenth of the picture, on average over place, side and depth.

    Source: Gower (1971), "A General Coefficient of Similarity and Some of Its Properties", Biometrics 27, section 3, with 1,
    what a share can differ by, as the range of each variable. No standard deviations: where every object stands in front of
    all else, differences of nearness that nobody sees would weigh as much as its place.
    Deviation from arXiv 2405.14828, table 2: no cosine, which would tell the direction of an object from the middle but not
    how far it is, so that two objects next to each other could be as different as can be.
    """
    total, both = np.zeros((2, len(features), len(features)))
    for column in np.asarray(features, dtype=np.float64).T:
        apart = np.abs(column[:, None] - column)
        known = np.isfinite(apart)
        total += np.where(known, apart, 0.0)
        both += known
    return 1.0 - np.divide(total, both, out=np.full_like(total, np.nan), where=both > 0)
