"""The table: every measurement of the run, for every way, on the same prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seedscope.analysis.direction import Better
from seedscope.analysis.experiments.golden_table.arms import places
from seedscope.analysis.experiments.guidance_table.gains import GOLDEN, PLAIN, SIZES, Cells, Gain, best_name, gains_of
from seedscope.analysis.experiments.guidance_table.ground import Ground, rng_of
from seedscope.analysis.experiments.guidance_table.set_gains import Sets, set_gains
from seedscope.analysis.experiments.guidance_table.ways import Way, cost_of
from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.judge import real_pictures
from seedscope.analysis.judging.measurement import WITNESS, Measurement, measurements
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.distances.feature_rows import SeedRows, TooFewImages
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.pipeline.tables.table import Table


@dataclass(frozen=True)
class Measured:
    """A measurement with what each way gains of it. better: which values are good; None where neither is."""

    name: str
    feature: str
    better: Better | None
    gains: Mapping[str, Gain]
    prompts: int


@dataclass(frozen=True, eq=False)
class Compared:
    """costs: way -> its cost in plain pictures, in the order of the table; None where it is not told. measured: the judge
    first. silent: what is not told -> why."""

    ground: Ground
    ways: Sequence[Way]
    costs: Mapping[str, float | None]
    measured: Sequence[Measured]
    silent: Mapping[str, str]

    @property
    def judge(self) -> Measured:
        return self.measured[0]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The runs that are compared: the plain one, and way -> its run, all of them made."""

    ground: Ground
    of_way: Mapping[str, DrawnRun]

    @property
    def ids(self) -> list[str]:
        return [prompt.id for prompt in self.ground.prompts]

    def plain(self, item: Measurement, seeds: Sequence[int]) -> Array:
        """(P, S) of plain pictures, NaN where one has no value."""
        return _values(self.ground.run, item, self.ids, seeds)

    @property
    def golden(self) -> Sequence[int]:
        return () if self.ground.golden is None else self.ground.golden.golden

    def cells(self, item: Measurement) -> Cells:
        """Of the prompts with all values."""
        random, seeds = self.ground.random, self.ground.drawn
        every = self.plain(item, [*random, *self.golden])
        drawn = {way: _values(run, item, self.ids, seeds) for way, run in self.of_way.items()}
        whole = np.isfinite(np.concatenate([every, self.chooser, *drawn.values()], axis=1)).all(axis=1)
        plain, golden = np.split(every[whole], [len(random)], axis=1)
        return Cells(
            plain,
            self.chooser[whole],
            golden if self.golden else None,
            {way: values[whole] for way, values in drawn.items()},
            plain[:, places(seeds, np.array(random))],
            np.array([prompt.group for prompt in self.ground.prompts])[whole],
        )

    @cached_property
    def chooser(self) -> Array:
        """(P, S) by which the best of the random seeds are chosen; larger is better."""
        item = self.ground.chooser
        return sign(item.better or "higher") * self.plain(item, self.ground.random)


def compared(ground: Ground, ways: Sequence[Way], runs: Sequence[DrawnRun]) -> Compared:
    """Compare the ways, whose runs are made, with plain pictures of `ground`, golden seeds and the best of N.

    Raises:
        TooFewImages: of what judges there are values on prompts of too few groups.
    """
    drawn = _Drawn(ground, {way.name: run for way, run in zip(ways, runs, strict=True)})
    of_ways, silent = _costs(drawn)
    measured = [*_of_pictures(drawn, of_ways, silent), *_of_sets(drawn, of_ways, silent)]
    judge = next((each for each in measured if each.name == ground.judge.name), None)
    if judge is None:
        raise TooFewImages(
            f"{ground.run.study.name}: {silent[ground.judge.name]} `seedscope status` shows what failed."
        )
    if ground.golden is None:
        silent["golden seeds"] = ground.silent
    costs = {PLAIN: 1.0, **({} if ground.golden is None else {GOLDEN: 1.0})}
    costs |= {best_name(n): float(n) for n in SIZES if n <= len(ground.random)}
    return Compared(ground, ways, costs | of_ways, [judge, *(each for each in measured if each is not judge)], silent)


def _costs(drawn: _Drawn) -> tuple[dict[str, float | None], dict[str, str]]:
    """Of the ways that draw; and what is not told of them."""
    costs, silent = dict[str, float | None](), dict[str, str]()
    for way, run in drawn.of_way.items():
        costs[way], reason = cost_of(run, drawn.ground.run)
        if reason:
            silent[f"the cost of {way}"] = reason
    return costs, silent


def _of_pictures(drawn: _Drawn, costs: Mapping[str, float | None], silent: dict[str, str]) -> Iterator[Measured]:
    for measure in drawn.ground.run.measures:
        for item in measurements(measure.feature):
            if item.column == WITNESS:  # other prompts of the seed have a say in it
                continue
            cells = drawn.cells(item)
            if len(np.unique(cells.groups)) < 2:
                silent[item.name] = "On prompts of too few groups there are values of all pictures compared."
                continue
            yield Measured(item.name, item.feature, item.better, gains_of(cells, costs), len(cells.groups))


def _of_sets(drawn: _Drawn, costs: Mapping[str, float | None], silent: dict[str, str]) -> Iterator[Measured]:
    """Distances to the reference pictures."""
    ground, references = drawn.ground, real_pictures(drawn.ground.run)
    good = dict(zip(drawn.ids, np.nan_to_num(drawn.chooser, nan=-np.inf), strict=True))
    for measure in ground.run.measures:
        name = measure.feature.name
        if not measure.feature.needs_reference:
            continue
        try:
            plain, *others = (_rows(run, name) for run in (ground.run, *drawn.of_way.values()))
            sets = Sets(
                plain, dict(zip(drawn.of_way, others, strict=True)), ground.random, drawn.golden, ground.drawn, good
            )
            found, prompts = set_gains(sets, set(drawn.ids), references[name], costs, rng_of(ground.run, name))
        except TooFewImages as reason:
            silent[name] = str(reason)
            continue
        yield Measured(name, name, "lower", found, prompts)


def _rows(run: DrawnRun, feature: str) -> SeedRows:
    return SeedRows.of(_table(run.measures, feature), feature, run.units, run.outside)


def _values(run: DrawnRun, item: Measurement, ids: Sequence[str], seeds: Sequence[int]) -> Array:
    grid = read_grid(_table(run.measures, item.feature), item.column, run.units)
    row = {prompt: place for place, prompt in enumerate(grid.prompts.tolist())}
    rows = np.array([row[each] for each in ids])
    return np.asarray(grid.values[np.ix_(rows, places(seeds, grid.seeds))], np.float64)


def _table(measures: Sequence[Measure], feature: str) -> Table:
    return next(item.table for item in measures if item.feature.name == feature)
