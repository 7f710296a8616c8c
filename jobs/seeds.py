"""From measurements to what is known of the seeds: the ranking, every scalar measurement, and text rates by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.analysis.features.base import Better, Feature
from seedscope.analysis.seeds.grid import Grid, read_grid
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scalar import Scalar, columns, rank_by, scalar
from seedscope.analysis.seeds.scores import StatisticsError
from seedscope.analysis.seeds.split import split_prompts
from seedscope.analysis.seeds.table import rank_seeds, reference_of
from seedscope.analysis.seeds.variance import Component, prompts_needed, reliability
from seedscope.jobs.job import Job
from seedscope.jobs.text_rates import text_rates
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.store import Table, replace
from seedscope.pipeline.study import fingerprint


@dataclass(frozen=True)
class Judged:
    """The ranking by the study's measure; every scalar measurement; measurement -> why it says nothing of the seeds."""

    ranking: Ranking
    scalars: Sequence[Scalar]
    silent: dict[str, str]


def judge(job: Job) -> Judged:
    """Judge the seeds of a measured run by everything that is measured; write what is found into the run folder.

    `seeds.parquet`: a row a seed, best first. `measures.parquet`: a row a scalar measurement. `text_rates.parquet`, of a
    study that inpaints: a row a seed and task.

    Raises:
        UserError: pictures or measurements are missing, or the ranking's measure says nothing of the seeds.
    """
    _refuse_unfinished(job.folder.path, [(job.units, job.images, "pictures")])
    _refuse_unfinished(
        job.folder.path, [(job.units, item.table, f"measurements of {item.feature.name}") for item in job.measures]
    )
    scalars, silent = _scalars(job)
    by = job.ranked_by
    if by.needs_reference:
        ranking = _by_distance(job)
    else:
        name = measurement(by, next(column for column, better in by.scalars().items() if better))
        if name in silent:
            raise UserError(f"ranking.by: {name} says nothing of the seeds. {silent[name]}")
        ranking = rank_by(next(found for found in scalars if found.name == name))
    _write(job, ranking, scalars)
    return Judged(ranking, scalars, silent)


def _rng(job: Job, what: str) -> np.random.Generator:
    """Randomness of its own for each thing that is judged, so that none depends on what else is measured."""
    return np.random.default_rng(int(fingerprint({"cause": job.cause, "for": what})[:16], 16))


def _refuse_unfinished(folder: Any, needed: Sequence[tuple[Sequence[Unit], Table, str]]) -> None:
    for units, table, what in needed:
        if missing := len({unit.name for unit in units} - table.committed()):
            raise UserError(
                f"{folder}: {missing} of {len(units)} units have no {what} yet. `seedscope run` makes them."
            )


def _by_distance(job: Job) -> Ranking:
    settings = job.study.ranking
    measure = next(item for item in job.measures if item.feature is job.ranked_by)
    real = next(item for item in job.reference_measures if item.feature is job.ranked_by)
    _refuse_unfinished(job.folder.path, [(job.reference.units(), real.table, "measurements of real pictures")])
    return rank_seeds(
        measure.table,
        settings.by,
        job.units,
        reference_of(real.table, settings.by, job.reference.units()),
        top=settings.golden,
        resamples=settings.bootstrap,
        shuffles=settings.shuffles,
        rng=_rng(job, settings.by),
    )


def _scalars(job: Job) -> tuple[list[Scalar], dict[str, str]]:
    """Every scalar measurement of the run, and the reasons of those that say nothing of the seeds."""
    found: list[Scalar] = []
    silent: dict[str, str] = {}
    for measure in job.measures:
        is_rate = {item.name: pa.types.is_boolean(item.type) for item in measure.feature.fields()}
        for column, better in measure.feature.scalars().items():
            name = measurement(measure.feature, column)
            grid = read_grid(measure.table, column, job.units)
            try:
                found.append(_scalar(job, grid, name, better, is_rate=is_rate[column]))
            except StatisticsError as reason:
                silent[name] = str(reason)
    return found, silent


def _scalar(job: Job, grid: Grid, name: str, better: Better | None, *, is_rate: bool) -> Scalar:
    settings = job.study.ranking
    part = split(job, grid)
    return scalar(
        grid,
        name,
        better,
        is_rate=is_rate,
        ranking=part,
        k=settings.golden,
        shuffles=settings.shuffles,
        rng=_rng(job, name),
    )


def measurement(feature: Feature, column: str) -> str:
    """What a column of a feature is called among the measurements of a run: `looks_brightness`, `clip_score`."""
    return column if column.startswith(feature.name) else f"{feature.name}_{column}"


def split(job: Job, grid: Grid) -> npt.NDArray[np.bool_] | None:
    """(P,) true for the prompts to rank on, false for those to confirm on: the same for every measurement of a run.

    None where all prompts are of one group.
    """
    try:
        return split_prompts(grid.groups, _rng(job, "split"))
    except StatisticsError:
        return None


def _write(job: Job, ranking: Ranking, scalars: Sequence[Scalar]) -> None:
    folder = job.folder.path
    whole = _beside(ranking, scalars)
    replace(folder / "seeds.parquet", lambda path: pq.write_table(whole, path))
    rows = pa.Table.from_pylist([_measure_row(found) for found in scalars], schema=MEASURES)
    replace(folder / "measures.parquet", lambda path: pq.write_table(rows, path))
    by_task = text_rates(job)
    if by_task is not None:
        replace(folder / "text_rates.parquet", lambda path: pq.write_table(by_task, path))


def _beside(ranking: Ranking, scalars: Sequence[Scalar]) -> pa.Table:
    """The ranking's table with the columns of all other scalar measurements beside it."""
    table = ranking.with_metadata()
    for found in scalars:
        if found.name == ranking.measure:
            continue
        place = {int(seed): i for i, seed in enumerate(found.seeds)}
        order = pa.array([place.get(seed) for seed in table["seed"].to_pylist()], pa.int64())
        for name, array in columns(found).items():
            table = table.append_column(name, array.take(order))
    return table


MEASURES = pa.schema(
    [
        pa.field("measure", pa.string()),
        pa.field("better", pa.string()),
        pa.field("rate", pa.bool_()),
        *(pa.field(name, pa.int64()) for name in ("prompts", "groups", "seeds", "cells", "missing")),
        pa.field("mean", pa.float64()),
        *(
            pa.field(f"{part}_share{end}", pa.float64())
            for part in ("seed", "prompt", "rest")
            for end in ("", "_lo", "_hi")
        ),
        pa.field("reliability", pa.float64()),
        pa.field("prompts_for_08", pa.int64()),
        *(pa.field(name, pa.float64()) for name in ("p", "best_lo", "best_hi", "worst_lo", "worst_hi")),
        *(pa.field(f"spearman{end}", pa.float64()) for end in ("", "_lo", "_hi", "_p")),
        *(pa.field(name, pa.int64()) for name in ("k", "overlap")),
        *(pa.field(name, pa.float64()) for name in ("overlap_expected", "overlap_sd", "overlap_p")),
    ]
)
"""One row a scalar measurement: shares of variance, reliability and the prompts that 0.8 would take, what shuffled seeds
give (p, the ranges of the best and of the worst), and the ranking prompts against the confirmation prompts."""


def _measure_row(found: Scalar) -> dict[str, Any]:
    prompts, seeds = found.scores.values.shape
    row: dict[str, Any] = {
        "measure": found.name,
        "better": found.better,
        "rate": found.rates is not None,
        "prompts": prompts,
        "groups": len(found.scores.groups),
        "seeds": seeds,
        "cells": prompts * seeds - found.missing,
        "missing": found.missing,
        "mean": found.mean,
    }
    if found.shares is not None:
        for part in ("seed", "prompt", "rest"):
            share: Component = getattr(found.shares, part)
            row |= {f"{part}_share": share.share, f"{part}_share_lo": share.lo, f"{part}_share_hi": share.hi}
        row |= {"reliability": reliability(found.shares), "prompts_for_08": prompts_needed(found.shares)}
    if found.null is not None:
        row["p"] = found.null.differ
        for end, values in (("best", found.null.best), ("worst", found.null.worst)):
            row[f"{end}_lo"], row[f"{end}_hi"] = (found.mean + np.quantile(values, [0.025, 0.975])).tolist()
    if found.stability is not None:
        rank, top = found.stability.rank, found.stability.top
        row |= {"spearman": rank.rho, "spearman_lo": rank.lo, "spearman_hi": rank.hi, "spearman_p": rank.p}
        row |= {"k": top.k, "overlap": top.shared}
        row |= {"overlap_expected": top.expected, "overlap_sd": top.sd, "overlap_p": top.p}
    return row
