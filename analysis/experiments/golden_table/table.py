"""The rows of table 1: each measure of a run, on prompts that took no part in choosing, for golden, worst and random seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.experiments.golden_table.arms import Arms, places
from seedscope.analysis.experiments.golden_table.best_of import BestOf, best_of, kept
from seedscope.analysis.experiments.golden_table.drawn_sets import Draw, any_of, best_by, drawn_sets
from seedscope.analysis.experiments.golden_table.sets import against, paired
from seedscope.analysis.judging.judge import real_pictures
from seedscope.analysis.judging.measurement import WITNESS, Measurement, measurements
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.feature_rows import SeedRows, TooFewImages
from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.analysis.seeds.scores.scores import Scores, sign
from seedscope.analysis.select.comparison import Difference

Of = Literal["pictures", "sets"]


@dataclass(frozen=True)
class Second:
    """Golden seeds less the best of N, by a measure that did not choose among the N."""

    measure: str
    better: Better
    less: Difference


@dataclass(frozen=True)
class Row:
    """One measure. of: whether each picture has a value, or a set of them. prompts, groups: with values of all seeds compared.

    random, golden, worst: values; spread: of golden and of random sets over draws, in standard deviations of the measure, None
    of pictures. golden_less, worst_less: less random. as_good: share of random sets of as many seeds that do no worse, None
    of sets. draws: of each set. best: what the best of N takes; seconds: what else says of it, where N is known and above 1.
    """

    measure: str
    better: Better
    of: Of
    prompts: int
    groups: int
    random: float
    golden: float
    worst: float
    golden_less: Difference
    worst_less: Difference
    as_good: float | None = None
    draws: int | None = None
    spread: tuple[float, float] | None = None
    best: BestOf | None = None
    seconds: tuple[Second, ...] = ()


def golden_table(run: Run, arms: Arms, prompts: Collection[str], rng: np.random.Generator) -> list[Row]:
    """Compare by everything that the run measures and that has a good direction: distances first.

    Args:
        run: finished, with the pictures of all `arms` on these prompts, given by id.

    Raises:
        TooFewImages: no prompt, or hardly any, has pictures of all seeds.
    """
    every = {item.item.name: item for item in scored(run, arms, prompts)}
    found = {name: _of_pictures(item, arms, every, rng) for name, item in every.items()}
    distances = list(_distances(run, arms, prompts, _bests(found, every, arms, rng), rng))
    seconds = {name: tuple(second for _, of in distances if (second := of.get(name))) for name in found}
    rows = [replace(row, seconds=seconds[name] + row.seconds) for name, row in found.items()]
    if not distances and not rows:
        raise TooFewImages(
            f"{run.study.name}: of no measure with a good direction there are values of all {len(arms.seeds)} seeds compared, "
            "on prompts of two groups. `seedscope status` shows what failed."
        )
    return [*(row for row, _ in distances), *rows]


@dataclass(frozen=True, eq=False)
class Scored:
    """A measurement of the seeds compared; prompts without a value of some seed are NaN throughout."""

    item: Measurement
    better: Better
    grid: Grid

    @property
    def whole(self) -> npt.NDArray[np.bool_]:
        """(P,) true for prompts with a value of every seed."""
        return np.asarray(np.isfinite(self.grid.values).all(axis=1))

    def scores(self, prompts: npt.NDArray[np.bool_]) -> Scores:
        return Scores.of(self.grid.values[prompts], self.grid.groups[prompts])


def scored(run: Run, arms: Arms, prompts: Collection[str]) -> Iterator[Scored]:
    """Every measurement of single pictures that has a good direction, of the seeds compared, on these prompts."""
    for measure in run.measures:
        for item in measurements(measure.feature):
            if item.better is None or item.column == WITNESS:  # of a witness, other prompts of the seed have a say
                continue
            grid = read_grid(measure.table, item.column, run.units).without(run.outside)
            grid = grid.only(np.isin(grid.prompts, list(prompts)))
            seeds = places(arms.seeds, grid.seeds)
            found = Scored(
                item, item.better, Grid(grid.values[:, seeds], grid.prompts, grid.groups, np.array(arms.seeds))
            )
            if len(np.unique(found.grid.groups[found.whole])) > 1:
                yield found


def _of_pictures(measured: Scored, arms: Arms, every: Mapping[str, Scored], rng: np.random.Generator) -> Row:
    here = measured.whole
    scores, good = measured.scores(here), sign(measured.better)
    golden, worst, random = (places(seeds, measured.grid.seeds) for seeds in (arms.golden, arms.worst, arms.random))
    population = arms.population if arms.population > len(arms.random) else None
    first, last = (against(scores, some, random, good, rng, population) for some in (golden, worst))
    best = best_of(scores, golden, random, good, population)
    return Row(
        measure=measured.item.name,
        better=measured.better,
        of="pictures",
        prompts=int(here.sum()),
        groups=len(scores.groups),
        random=float(scores.values[:, random].mean()),
        golden=first.mean,
        worst=last.mean,
        golden_less=first.less,
        worst_less=last.less,
        as_good=first.as_good,
        best=best,
        seconds=_second(measured, every, golden, random, best) if best.is_bought else (),
    )


def _second(
    first: Scored, every: Mapping[str, Scored], golden: npt.NDArray[np.intp], random: npt.NDArray[np.intp], best: BestOf
) -> tuple[Second, ...]:
    """By the first measurement of another feature that shares prompts of two groups with this one."""
    for other in every.values():
        both = first.whole & other.whole
        if other.item.feature == first.item.feature or len(np.unique(first.grid.groups[both])) < 2:
            continue
        chosen_by, judged_by = sign(first.better) * first.scores(both).values, other.scores(both).values
        left = kept(chosen_by[:, random], judged_by[:, random], best.n)
        less = paired(judged_by[:, golden].mean(axis=1), left, first.grid.groups[both])
        return (Second(other.item.name, other.better, less),)
    return ()


def _bests(
    rows: Mapping[str, Row], every: Mapping[str, Scored], arms: Arms, rng: np.random.Generator
) -> dict[str, Draw]:
    """Measure -> the best of the N by it, of those whose N is known and above 1."""
    found = dict[str, Draw]()
    for name, row in rows.items():
        if row.best is not None and row.best.is_bought:
            measured = every[name]
            values = sign(measured.better) * measured.grid.values[:, places(arms.random, measured.grid.seeds)]
            whole = zip(measured.grid.prompts, values, measured.whole, strict=True)
            good = {str(prompt): scores.astype(np.float64) for prompt, scores, there in whole if there}
            found[name] = best_by(good, np.array(arms.random, np.int64), row.best.n, rng)
    return found


def _distances(
    run: Run, arms: Arms, prompts: Collection[str], bests: Mapping[str, Draw], rng: np.random.Generator
) -> Iterator[tuple[Row, dict[str, Second]]]:
    """The row of each distance; and, measure -> what the distance says of the best of N by it."""
    arm_of = {"golden": arms.golden, "worst": arms.worst, "random": arms.random}
    sets = {(arm, ""): any_of(seeds, rng) for arm, seeds in arm_of.items()}
    sets |= {("best of N", measure): draw for measure, draw in bests.items()}
    references = real_pictures(run)
    for measure in run.measures:
        name = measure.feature.name
        if not measure.feature.needs_reference:
            continue
        found = drawn_sets(SeedRows.of(measure.table, name, run.units, run.outside), prompts, sets, references[name])
        golden, worst, random = (found.of[arm, ""] for arm in arm_of)
        row = Row(
            measure=name,
            better="lower",
            of="sets",
            prompts=found.pictures,
            groups=found.groups,
            random=random.mean,
            golden=golden.mean,
            worst=worst.mean,
            golden_less=golden.less(random),
            worst_less=worst.less(random),
            draws=found.draws,
            spread=(golden.spread, random.spread),
        )
        yield row, {by: Second(name, "lower", golden.less(found.of["best of N", by])) for by in bests}


_SECOND = pa.struct(
    [("by", pa.string()), ("better", pa.string())] + [(f"less{end}", pa.float64()) for end in ("", "_lo", "_hi", "_p")]
)


def as_table(rows: Sequence[Row]) -> pa.Table:
    """The rows of the Parquet file."""
    numbers = ("random", "golden", "worst", "golden_spread", "random_spread", "as_good")
    differences = [f"{name}{end}" for name in ("golden_less", "worst_less") for end in ("", "_lo", "_hi", "_p")]
    schema = pa.schema(
        [(name, pa.string()) for name in ("measure", "better", "of")]
        + [
            (name, pa.int64())
            for name in ("prompts", "groups", "draws", "random_seeds", "best_of", "best_of_lo", "best_of_hi")
        ]
        + [(name, pa.float64()) for name in (*numbers, *differences)]
        + [("best_of_curve", pa.list_(pa.float64())), ("golden_less_best_of", pa.list_(_SECOND))]
    )
    return pa.Table.from_pylist([_columns(row) for row in rows], schema=schema)


def _columns(row: Row) -> dict[str, object]:
    """`best_of` is one more than `random_seeds` where the best of all of these does less than a golden seed."""
    found: dict[str, object] = {
        "measure": row.measure,
        "better": row.better,
        "of": row.of,
        "prompts": row.prompts,
        "groups": row.groups,
        "draws": row.draws,
        "random": row.random,
        "golden": row.golden,
        "worst": row.worst,
        "as_good": row.as_good,
    }
    if row.spread is not None:
        found["golden_spread"], found["random_spread"] = row.spread
    if (best := row.best) is not None:
        found |= {"random_seeds": best.seeds, "best_of": best.n, "best_of_lo": best.lo, "best_of_hi": best.hi}
        found["best_of_curve"] = best.curve.tolist()
    found |= _difference("golden_less", row.golden_less) | _difference("worst_less", row.worst_less)
    found["golden_less_best_of"] = [
        {"by": second.measure, "better": second.better, **_difference("less", second.less)} for second in row.seconds
    ]
    return found


def _difference(name: str, found: Difference) -> dict[str, object]:
    return {name: found.mean, f"{name}_lo": found.lo, f"{name}_hi": found.hi, f"{name}_p": found.p}
