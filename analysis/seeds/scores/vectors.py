"""Vectors of pictures, from feature shards to a grid prompts x seeds: what maps are made from.

Shards are read one after the other; what stays in memory is a sample of whole vectors, or all vectors projected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table

GRID_BYTES = 2 * 2**30
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cells:
    """Pictures that have a vector: `prompts` and `seeds` say which, vectors (n, D) float32 are finite."""

    prompts: list[str]
    seeds: list[int]
    vectors: Vectors

    def where(self, kept: npt.NDArray[np.bool_]) -> Cells:
        """The cells for which `kept` (n,) is true."""
        at = np.flatnonzero(kept)
        return Cells([self.prompts[i] for i in at], [self.seeds[i] for i in at], self.vectors[at])


@dataclass(frozen=True, eq=False)
class Grid:
    """Projected vectors of all cells: values (P, S, K) float32, NaN where a picture has none; ids and seeds ascend."""

    prompts: list[str]
    seeds: list[int]
    values: Vectors

    def complete(self) -> Grid:
        """Only the prompts of which every seed has a vector."""
        whole = ~np.isnan(self.values[:, :, 0]).any(axis=1)
        return Grid([self.prompts[i] for i in np.flatnonzero(whole)], self.seeds, self.values[whole])

    def without(self, seeds: Collection[int]) -> Grid:
        """The columns of all other seeds; itself where there are none to leave out."""
        if not seeds:
            return self
        kept = ~np.isin(self.seeds, list(seeds))
        return Grid(self.prompts, [self.seeds[i] for i in np.flatnonzero(kept)], self.values[:, kept])

    def centred(self) -> Vectors:
        """(P, S, K): each prompt's mean over the seeds taken off, since what the prompt says is no seed's doing.

        `[:, s].ravel()` is the vector of a seed: its pictures of all prompts, one after the other.
        Source: arXiv 2405.14828, section on style (N seeds x values of P prompts). Deviation: principal components of the
        pictures, less the prompt's mean, in place of two t-SNE coordinates a picture, whose distances mean little.
        """
        centred: Vectors = self.values - self.values.mean(axis=1, keepdims=True)
        return centred

    def seed_means(self, prompts: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """(S, K): means over some `prompts` (P,) of what pictures differ from the mean of their prompt; NaN where unknown.

        Missing pictures are passed over; a prompt's mean is that of the seeds which have a picture of it.
        """
        total, count = np.zeros((2, *self.values.shape[1:]))
        for vectors in self.values[prompts]:
            known = np.isfinite(vectors)
            mean = np.where(known, vectors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            total += np.where(known, vectors - mean, 0.0)
            count += known
        means = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return np.asarray(means, dtype=np.float64)


def read_cells(features: Table, column: str, units: Sequence[Unit]) -> Iterator[Cells]:
    """The cells of each unit that have a vector of finite numbers. Raises CorruptShard for a damaged shard."""
    for unit in units:
        rows = features.read(unit.name, ["prompt_id", "seed", "status", column])
        rows = rows.filter(pc.and_(pc.equal(rows["status"], "ok"), pc.is_valid(rows[column])))
        values = rows[column].combine_chunks()
        flat = np.asarray(values.flatten(), dtype=np.float32)
        cells = Cells(
            rows["prompt_id"].to_pylist(), rows["seed"].to_pylist(), flat.reshape(len(values), values.type.list_size)
        )
        yield cells.where(np.asarray(np.isfinite(cells.vectors).all(axis=1)))


def is_vector(field: pa.Field) -> bool:
    """Whether a feature's column holds a vector of fixed length."""
    return bool(pa.types.is_fixed_size_list(field.type) and pa.types.is_floating(field.type.value_type))


def even_sample(
    prompts: Collection[str], seeds: Collection[int], most: int, rng: np.random.Generator
) -> Callable[[str, int], bool]:
    """Whether a cell is in a sample of about `most`, in which every seed and every prompt has the same share, or one less.

    Cells lie on every so many-th diagonal of the grid, its rows and columns shuffled. Independent of the order given.
    """
    row = dict(zip(sorted(prompts), rng.permutation(len(prompts)).tolist(), strict=True))
    column = dict(zip(sorted(seeds), rng.permutation(len(seeds)).tolist(), strict=True))
    step = sample_step(len(row), len(column), most)
    return lambda prompt, seed: (row[prompt] + column[seed]) % step == 0


def sample_step(prompts: int, seeds: int, most: int) -> int:
    """One of so many cells is in an even sample."""
    return max(1, -(-prompts * seeds // most))


def read_sample(features: Table, column: str, units: Sequence[Unit], most: int, rng: np.random.Generator) -> Cells:
    """About `most` cells with their whole vectors, spread evenly over seeds and prompts, in the order of their ids."""
    chosen = even_sample(*prompts_and_seeds(units), most, rng)
    parts = []
    for cells in read_cells(features, column, units):
        keys = zip(cells.prompts, cells.seeds, strict=True)
        parts.append(cells.where(np.array([chosen(prompt, seed) for prompt, seed in keys], dtype=np.bool_)))
    keys_of = [key for part in parts for key in zip(part.prompts, part.seeds, strict=True)]
    order = sorted(range(len(keys_of)), key=keys_of.__getitem__)
    vectors = np.concatenate([part.vectors for part in parts])[order]
    return Cells([keys_of[i][0] for i in order], [keys_of[i][1] for i in order], vectors)


def read_grid(
    features: Table, column: str, units: Sequence[Unit], project: Callable[[Vectors], Vectors], width: int
) -> Grid:
    """All cells projected to `width` numbers; where they exceed 2 GiB, those of evenly chosen prompts."""
    prompts, seeds = prompts_and_seeds(units)
    fitting = max(2, GRID_BYTES // (4 * width * max(1, len(seeds))))
    if len(prompts) > fitting:
        prompts = [prompts[i * len(prompts) // fitting] for i in range(fitting)]
    row, place = {prompt: i for i, prompt in enumerate(prompts)}, {seed: i for i, seed in enumerate(seeds)}
    values = np.full((len(prompts), len(seeds), width), np.nan, np.float32)
    for cells in read_cells(features, column, units):
        mine = cells.where(np.array([prompt in row for prompt in cells.prompts], dtype=np.bool_))
        values[[row[prompt] for prompt in mine.prompts], [place[seed] for seed in mine.seeds]] = project(mine.vectors)
    return Grid(prompts, seeds, values)


def prompts_and_seeds(units: Sequence[Unit]) -> tuple[list[str], list[int]]:
    """The ids of all prompts and all seeds of some units, each ascending."""
    prompts = sorted({prompt.id for unit in units for prompt in unit.prompts})
    return prompts, sorted({seed for unit in units for seed in unit.seeds})
