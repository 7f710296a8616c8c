"""One number for each prompt and seed: the grid that every statistic of a scalar measurement starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table


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


def grid_of(units: Sequence[Unit], cells: Iterable[tuple[pa.Table, npt.ArrayLike]]) -> Grid:
    """The grid of some units, from tables with `prompt_id` and `seed` and a value for each of their rows.

    Prompts and seeds keep the order in which the units name them. What no table holds is NaN.
    """
    groups = {prompt.id: prompt.group for unit in units for prompt in unit.prompts}
    seeds = list(dict.fromkeys(seed for unit in units for seed in unit.seeds))
    row, place = {prompt: i for i, prompt in enumerate(groups)}, {seed: i for i, seed in enumerate(seeds)}
    values = np.full((len(row), len(place)), np.nan, np.float32)
    for table, found in cells:
        values[_positions(table["prompt_id"], row), _positions(table["seed"], place)] = found
    return Grid(values, np.array(list(groups)), np.array(list(groups.values())), np.array(seeds, np.int64))


def _positions(column: pa.ChunkedArray, known: Mapping[Any, int]) -> npt.NDArray[np.intp]:
    """(n,) the position of each value; a value is looked up once, however many rows have it."""
    encoded = column.combine_chunks().dictionary_encode()
    found = np.array([known[value] for value in encoded.dictionary.to_pylist()], np.intp)
    return np.asarray(found[encoded.indices.to_numpy()], np.intp)


def read_grid(features: Table, column: str, units: Sequence[Unit]) -> Grid:
    """A scalar or boolean column of the shards of some units, one shard in memory at a time; booleans become 0 and 1.

    Raises:
        CorruptShard: a shard is damaged.
    """

    def cells() -> Iterator[tuple[pa.Table, npt.ArrayLike]]:
        committed = features.committed()
        for unit in units:
            if unit.name in committed:
                table = features.read(unit.name, ["prompt_id", "seed", "status", column])
                table = table.filter(pc.equal(table["status"], "ok"))
                yield table, pc.cast(table[column], pa.float32()).to_numpy(zero_copy_only=False)

    return grid_of(units, cells())
