"""One number for each prompt and seed: the grid that every statistic of a scalar measurement starts from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedscope.pipeline.study.plan import Crossed, Unit
from seedscope.pipeline.tables.table import Table

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Grid:
    """values: (P, S) float32, NaN where a cell is missing, failed or undefined; prompts: (P,) ids; groups: (P,) labels;
    seeds: (S,) int64."""

    values: npt.NDArray[np.float32]
    prompts: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    seeds: npt.NDArray[np.int64]

    def only(self, prompts: npt.NDArray[np.bool_]) -> Grid:
        """The rows of some prompts: `prompts` (P,)."""
        return Grid(self.values[prompts], self.prompts[prompts], self.groups[prompts], self.seeds)

    def without(self, seeds: Collection[int]) -> Grid:
        """The columns of all other seeds; itself where there are none to leave out."""
        if not seeds:
            return self
        kept = ~np.isin(self.seeds, list(seeds))
        return Grid(self.values[:, kept], self.prompts, self.groups, self.seeds[kept])


def grid_of(units: Sequence[Unit], found: Iterable[tuple[Unit, npt.ArrayLike]]) -> Grid:
    """The grid of some units, from those of which something is known, each with a value for each of its cells, in order.

    Prompts and seeds keep the order in which the units name them. What is not known is NaN.
    """
    groups = {prompt.id: prompt.group for unit in units for prompt in unit.prompts}
    seeds = list(dict.fromkeys(seed for unit in units for seed in unit.seeds))
    row, place = {prompt: i for i, prompt in enumerate(groups)}, {seed: i for i, seed in enumerate(seeds)}
    values = np.full((len(row), len(place)), np.nan, np.float32)
    for unit, numbers in found:
        values[_positions(unit, row, place)] = numbers
    return Grid(values, np.array(list(groups)), np.array(list(groups.values())), np.array(seeds, np.int64))


def _positions(unit: Unit, row: Mapping[str, int], place: Mapping[int, int]) -> tuple[Positions, Positions]:
    """(n,) the row and (n,) the column of each cell. Of a block its sides are looked up, not its thousands of cells."""
    if isinstance(unit.cells, Crossed):
        rows, columns = [row[prompt.id] for prompt in unit.prompts], [place[seed] for seed in unit.seeds]
        return np.tile(rows, len(columns)), np.repeat(columns, len(rows))
    return np.array([row[prompt.id] for prompt, _ in unit.cells]), np.array([place[seed] for _, seed in unit.cells])


def read_grid(features: Table, column: str, units: Sequence[Unit]) -> Grid:
    """A scalar or boolean column of the shards of some units, some shards in memory at a time; booleans become 0 and 1.

    Raises:
        CorruptShard: a shard is damaged.
    """
    committed = features.committed()
    there = [unit for unit in units if unit.name in committed]
    read = features.values([unit.name for unit in there], column)
    numbers = (pc.cast(values, pa.float32()).to_numpy() for values in read)
    return grid_of(units, zip(there, numbers, strict=True))
