"""One number for each prompt and seed: the grid that every statistic of a scalar measurement starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedscope.pipeline.plan import Unit
from seedscope.pipeline.store import Table


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


def read_grid(features: Table, column: str, units: Sequence[Unit]) -> Grid:
    """A scalar or boolean column of the shards of some units, one shard in memory at a time; booleans become 0 and 1.

    Prompts and seeds keep the order in which the units name them. What no shard holds is NaN.

    Raises:
        CorruptShard: a shard is damaged.
    """
    groups = {prompt.id: prompt.group for unit in units for prompt in unit.prompts}
    seeds = list(dict.fromkeys(seed for unit in units for seed in unit.seeds))
    row, place = {prompt: i for i, prompt in enumerate(groups)}, {seed: i for i, seed in enumerate(seeds)}
    values = np.full((len(row), len(place)), np.nan, np.float32)
    committed = features.committed()
    for unit in units:
        if unit.name in committed:
            table = features.read(unit.name, ["prompt_id", "seed", "status", column])
            table = table.filter(pc.equal(table["status"], "ok"))
            rows = [row[prompt] for prompt in table["prompt_id"].to_pylist()]
            columns = [place[seed] for seed in table["seed"].to_pylist()]
            cells = pc.cast(table[column], pa.float32())
            values[rows, columns] = cells.to_numpy(zero_copy_only=False)
    return Grid(values, np.array(list(groups)), np.array(list(groups.values())), np.array(seeds, np.int64))
