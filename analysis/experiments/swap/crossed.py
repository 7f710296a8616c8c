"""The pictures of a crossed design, and what is measured on them as arrays: prompt x initial seed x step seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features.embedding import Embedding
from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.measurement import measurements, witness
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.distances.feature_rows import vectors
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.pipeline.drawing.tasks.seed_swap import SeedSwap

SHOWN, TOGETHER = 3, 32
"""Principal components that are told one by one, and that are added up to stand for the whole picture."""
Cell = tuple[int, str]
"""A picture: its initial seed and the id of the task's prompt."""


@dataclass(frozen=True, eq=False)
class Design:
    """P prompts, A initial seeds, B step seeds, and K steps at which pictures are swapped to one step seed a prompt.

    prompts: ids of the study. groups: (P,). seeds, step_seeds: in order. turn: of each prompt the step seed of its curve.
    crossed: (prompt, step seed) -> id of the task's prompt, swapped before the first step. on_the_way: (prompt, step) ->
    likewise, with the prompt's `turn`; 0 is among the steps, and the last is after all steps: plain pictures.
    """

    prompts: Sequence[str]
    groups: npt.NDArray[np.str_]
    seeds: Sequence[int]
    step_seeds: Sequence[int]
    turn: Sequence[int]
    crossed: dict[tuple[str, int], str]
    on_the_way: dict[tuple[str, int], str]

    @classmethod
    def of(cls, run: DrawnRun) -> Design:
        """That of a run with the task `swap`."""
        if not isinstance(run.task, SeedSwap):
            raise TypeError(f"{run.study.name}: its task is no swap")
        groups, crossed, later = dict[str, str](), dict[tuple[str, int], str](), dict[tuple[str, int], str]()
        turn = dict[str, int]()
        for prompt, swap in run.task.cells:
            groups[swap.prompt] = prompt.group
            if swap.from_step == 0:
                crossed[swap.prompt, swap.step_seed] = prompt.id
            else:
                later[swap.prompt, swap.from_step] = prompt.id
                turn[swap.prompt] = swap.step_seed
        start = {(prompt, 0): crossed[prompt, seed] for prompt, seed in turn.items()}
        return cls(
            prompts=list(groups),
            groups=np.array(list(groups.values())),
            seeds=run.wanted.seeds,
            step_seeds=list(dict.fromkeys(seed for _, seed in crossed)),
            turn=[turn[prompt] for prompt in groups] if turn else [],
            crossed=crossed,
            on_the_way=start | later,
        )

    @property
    def steps(self) -> list[int]:
        """The steps of the curve, ascending."""
        return sorted({step for _, step in self.on_the_way})

    def arranged(self, of_prompts: dict[str, npt.NDArray[np.floating]]) -> npt.NDArray[np.floating]:
        """(P, A, B, ...) of what each of the task's prompts has, (A, ...)."""
        return np.stack(
            [
                np.stack([of_prompts[self.crossed[prompt, seed]] for seed in self.step_seeds], axis=1)
                for prompt in self.prompts
            ]
        )


def measured(run: DrawnRun, design: Design) -> Iterator[tuple[str, npt.NDArray[np.floating]]]:
    """Every scalar measurement of a run with its values (P, A, B), and of each embedding the first principal components, one by
    one and the first of them together, (P, A, B, D)."""
    for item in run.measures:
        feature = item.feature
        for measurement in measurements(feature):
            if measurement != witness(feature.name):
                grid = read_grid(item.table, measurement.column, run.units)
                yield measurement.name, design.arranged(dict(zip(grid.prompts.tolist(), grid.values, strict=True)))
        if isinstance(feature, Embedding):
            found = components(design.arranged(_by_prompt(item, run)))
            for number in range(min(SHOWN, found.shape[-1])):
                yield f"{feature.name}, component {number + 1}", found[..., number]
            yield f"{feature.name}, {found.shape[-1]} components together", found


def vectors_of(item: Measure, run: DrawnRun) -> dict[Cell, npt.NDArray[np.float32]]:
    """The vector (D,) of every picture; NaN of one that failed."""
    found: dict[Cell, npt.NDArray[np.float32]] = {}
    for unit, column in zip(
        run.units, item.table.values([unit.name for unit in run.units], item.feature.name), strict=True
    ):
        rows = vectors(column)
        found.update(((seed, prompt.id), row) for (prompt, seed), row in zip(unit.cells, rows, strict=True))
    return found


def _by_prompt(item: Measure, run: DrawnRun) -> dict[str, npt.NDArray[np.floating]]:
    found = vectors_of(item, run)
    return {prompt.id: np.stack([found[seed, prompt.id] for seed in run.wanted.seeds]) for prompt in run.wanted.prompts}


def components(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(P, A, B, D) -> (P, A, B, d) the first principal components over all pictures, at most `TOGETHER`.

    NaN where a vector is, and d = 1 where all are.
    """
    rows = np.asarray(vectors, np.float64).reshape(-1, vectors.shape[-1])
    there = ~np.isnan(rows).any(axis=1)
    if not there.any():
        return np.full((*vectors.shape[:-1], 1), np.nan)
    centred = rows[there] - rows[there].mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    count = max(1, min(TOGETHER, int((sizes > 1e-6 * max(sizes.max(initial=0.0), 1e-300)).sum())))
    found = np.full((len(rows), count), np.nan)
    found[there] = (left * sizes)[:, :count]
    return found.reshape(*vectors.shape[:-1], count)
