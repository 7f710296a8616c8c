"""Feature vectors from their shards: of the real pictures, and of seeds, on the same prompts for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import Moments, merge, moments
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table

Rows = npt.NDArray[np.float32]


class TooFewImages(UserError):
    """There are not enough pictures to say anything about a seed."""


def reference_of(features: Table, column: str, units: Sequence[Unit]) -> Reference:
    """The real pictures as a Gaussian, from their feature shards, one shard in memory at a time."""
    total: Moments | None = None
    for rows in _real(features, column, units):
        total = moments(rows) if total is None else merge(total, moments(rows))
    if total is None or total.n < 2:
        raise TooFewImages(f"reference: {0 if total is None else total.n} readable pictures; at least two are needed.")
    return Reference.of(total)


def reference_rows(features: Table, column: str, units: Sequence[Unit]) -> Rows:
    """The features (m, D) of all readable real pictures, of one unit or more: a kernel wants every pair with a seed's."""
    return np.concatenate(list(_real(features, column, units)))


def _real(features: Table, column: str, units: Sequence[Unit]) -> Iterator[Rows]:
    for unit in units:
        rows = features.read(unit.name, ["status", column])
        yield vectors(rows.filter(pc.equal(rows["status"], "ok"))[column])


@dataclass(frozen=True, eq=False)
class SeedRows:
    """The features of seeds, on the prompts that have a picture of every seed.

    column: of the vectors. prompts: ids of P prompts, in order. groups: (P,) their groups. left_out: prompts for which some
    seed has no picture. without: seeds that are passed over.
    """

    features: Table
    column: str
    units: Sequence[Unit]
    prompts: list[str]
    groups: npt.NDArray[np.str_]
    left_out: int
    without: Collection[int] = ()

    @classmethod
    def of(cls, features: Table, column: str, units: Sequence[Unit], without: Collection[int] = ()) -> SeedRows:
        """Find the complete prompts.

        Raises:
            TooFewImages: fewer than two prompts have pictures of every seed.
            CorruptShard: a shard is damaged.
        """
        groups = {prompt.id: prompt.group for unit in units for prompt in unit.prompts}
        seeds = {seed for unit in units for seed in unit.seeds} - {*without}
        left, pictures = pa.array([*without], pa.int64()), Counter[str]()
        for unit in units:
            rows = features.read(unit.name, ["prompt_id", "seed", "status"])
            whole = pc.and_(pc.equal(rows["status"], "ok"), pc.invert(pc.is_in(rows["seed"], left)))
            pictures.update(rows.filter(whole)["prompt_id"].to_pylist())
        complete = [prompt for prompt in groups if pictures[prompt] == len(seeds)]
        left_out = len(groups) - len(complete)
        if len(complete) < 2:
            raise TooFewImages(
                f"{len(complete)} prompts have a picture of every seed, {left_out} do not; a ranking needs at least two. "
                "`seedscope status` shows what is missing."
            )
        labels = np.array([groups[prompt] for prompt in complete])
        return cls(features, column, units, complete, labels, left_out, frozenset(without))

    def only(self, prompts: list[str]) -> SeedRows:
        """Those of some of its prompts, in their order."""
        place = {prompt: i for i, prompt in enumerate(self.prompts)}
        return replace(self, prompts=prompts, groups=self.groups[[place[prompt] for prompt in prompts]])

    def by_seed(self) -> Iterator[tuple[int, Rows]]:
        """Each seed with its features (P, D) in the order of `prompts`, one block of seeds in memory at a time."""
        place = {prompt: i for i, prompt in enumerate(self.prompts)}
        by_first_seed = sorted(self.units, key=lambda unit: (unit.seeds[0], unit.seeds))
        blocks = _joined([list(block) for _, block in groupby(by_first_seed, key=lambda unit: unit.seeds)])
        for block in blocks:
            seeds = sorted({seed for unit in block for seed in unit.seeds})
            found: dict[int, Rows] = {}
            for unit in block:
                table = self.features.read(unit.name, ["prompt_id", "seed", self.column])
                values = vectors(table[self.column])
                for row, (prompt, seed) in enumerate(
                    zip(table["prompt_id"].to_pylist(), table["seed"].to_pylist(), strict=True)
                ):
                    if prompt in place:
                        empty = np.full((len(place), values.shape[1]), np.nan, np.float32)
                        found.setdefault(seed, empty)[place[prompt]] = values[row]
            yield from ((seed, found[seed]) for seed in seeds if seed not in self.without)


def _joined(blocks: list[list[Unit]]) -> list[list[Unit]]:
    """Blocks of units by seeds, those that share a seed joined: a run that grew cuts its seeds in more than one way."""
    joined: list[tuple[set[int], list[Unit]]] = []
    for block in blocks:
        seeds, members = set(block[0].seeds), list(block)
        for other in [item for item in joined if item[0] & seeds]:
            joined.remove(other)
            seeds, members = seeds | other[0], other[1] + members
        joined.append((seeds, members))
    return [members for _, members in joined]


def vectors(column: pa.ChunkedArray) -> Rows:
    """A fixed-size list column as (n, D) float32; a null row becomes NaN."""
    values = column.combine_chunks()
    flat = values.fill_null([float("nan")] * values.type.list_size) if values.null_count else values
    return np.asarray(flat.flatten(), dtype=np.float32).reshape(len(values), values.type.list_size)
