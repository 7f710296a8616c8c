"""What is measured on the pictures of pairs, as arrays: onsets x pairs x seeds, of the negative prompt and of its null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.negatives.outside import changes, outside
from seedscope.analysis.experiments.negatives.presence import Presence
from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.pipeline.drawing.tasks.negatives import Negatives
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.study.negative_pairs import NegativePair
from seedscope.pipeline.tables.table import Table

KINDS = ("negative", "null")
KEPT_BYTES = 32 * 2**20
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Design:
    """P pairs, each with the ids of its prompts, in the order of `KINDS`; S seeds; K onsets, the last of which never comes."""

    pairs: Sequence[NegativePair]
    ids: Mapping[str, Sequence[str]]
    seeds: Sequence[int]
    onsets: Sequence[int]

    @classmethod
    def of(cls, run: DrawnRun, seeds: Sequence[int], onsets: Sequence[int]) -> Design:
        """Of a run whose task is of pairs."""
        if not isinstance(run.task, Negatives):
            raise TypeError("a run of pairs is drawn by the task of pairs")
        cells = list(run.task.given.items())
        ids = {kind: [name for name, given in cells if given.is_null == (kind == "null")] for kind in KINDS}
        return cls([given.pair for _, given in cells if not given.is_null], ids, seeds, onsets)

    @property
    def groups(self) -> npt.NDArray[np.str_]:
        """(P,) of the pairs."""
        return np.array([pair.group for pair in self.pairs])

    def array(self, values: Mapping[tuple[str, int], float]) -> dict[str, Array]:
        """Kind -> (P, S) of values by prompt id and seed; NaN where there is none."""
        return {
            kind: np.array([[values.get((name, seed), np.nan) for seed in self.seeds] for name in self.ids[kind]])
            for kind in KINDS
        }


def strengths(design: Design, run: DrawnRun, table: Table) -> dict[str, Array]:
    """Kind -> r_t, (T, P, S), of T timesteps: the norms of the negative prompt's columns over those of the word's."""
    found: dict[tuple[str, int], list[float]] = {}
    for unit in run.units:
        rows = table.read(unit.name, ["prompt_id", "seed", "negative", "positive"]).to_pylist()
        for row in rows:
            if row["negative"] is not None:
                pairs = zip(row["negative"], row["positive"], strict=True)
                found[row["prompt_id"], row["seed"]] = [
                    np.nan if one is None or not other else one / other for one, other in pairs
                ]
    steps = max((len(each) for each in found.values()), default=0)
    by_step = [design.array({cell: each[step] for cell, each in found.items()}) for step in range(steps)]
    return {kind: np.stack([each[kind] for each in by_step]) for kind in KINDS}


def presences(design: Design, runs: Sequence[DrawnRun]) -> dict[str, Array]:
    """Kind -> (K, P, S), how much of what is not wanted is in the pictures of each onset's run."""
    by_onset = []
    for run in runs:
        (table,) = (item.table for item in run.measures if item.feature.name == Presence.name)
        grid = read_grid(table, Presence.name, run.units)
        cells = {
            (str(name), int(seed)): float(grid.values[row, column])
            for row, name in enumerate(grid.prompts)
            for column, seed in enumerate(grid.seeds)
        }
        by_onset.append(design.array(cells))
    return {kind: np.stack([each[kind] for each in by_onset]) for kind in KINDS}


def changed(design: Design, runs: Sequence[DrawnRun]) -> tuple[dict[str, Array], bool]:
    """Kind -> (K, P, S), 1 - SSIM with the picture without negative prompt outside its place; and whether the place was
    measured: without `layout` it is over the whole picture."""
    plain = runs[-1]
    masks = _masks(plain)
    readers = [RunPictures(run.images, run.units, KEPT_BYTES) for run in runs]
    found: list[dict[tuple[str, int], float]] = [{} for _ in runs]
    for seed in design.seeds:
        cells = [(name, pair) for kind in KINDS for name, pair in zip(design.ids[kind], design.pairs, strict=True)]
        before = {name: readers[-1](seed, name) for name, _ in cells}
        places = {name: _place(before[name], pair, masks, (name, seed)) for name, pair in cells}
        for onset, reader in enumerate(readers):
            after = {name: reader(seed, name) for name, _ in cells}
            there = [
                (name, one, other, place)
                for name, _ in cells
                if (one := before[name]) is not None
                and (other := after[name]) is not None
                and (place := places[name]) is not None
            ]
            if there:
                values = changes([each[1] for each in there], [each[2] for each in there], [each[3] for each in there])
                found[onset] |= {(each[0], seed): float(value) for each, value in zip(there, values, strict=True)}
    by_onset = [design.array(each) for each in found]
    return {kind: np.stack([each[kind] for each in by_onset]) for kind in KINDS}, masks is not None


def _masks(run: DrawnRun) -> dict[tuple[str, int], bytes | None] | None:
    """(prompt id, seed) -> the object's mask; None of a study that does not measure it."""
    layout = next((item for item in run.measures if item.feature.name == "layout"), None)
    if layout is None or "mask" not in layout.table.schema.names:
        return None
    rows = (
        row for unit in run.units for row in layout.table.read(unit.name, ["prompt_id", "seed", "mask"]).to_pylist()
    )
    return {(row["prompt_id"], row["seed"]): row["mask"]["bytes"] if row["mask"] else None for row in rows}


def _place(
    picture: Pixels | None,
    pair: NegativePair,
    masks: Mapping[tuple[str, int], bytes | None] | None,
    cell: tuple[str, int],
) -> Mask | None:
    if picture is None:
        return None
    size = (picture.shape[0], picture.shape[1])
    return outside(None, "whole", size) if masks is None else outside(masks.get(cell), pair.where, size)
