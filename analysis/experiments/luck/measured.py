"""The scores of a run by which the luck of its seeds is told: means of measurements, and Frechet distances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seedscope.analysis.judging.copied_seeds import copied_seeds, left_out, of_copies
from seedscope.analysis.judging.judge import grids, real_pictures, refuse_unfinished
from seedscope.analysis.judging.measurement import WITNESS, Measurement, measurements
from seedscope.analysis.run.failed_seeds import failed_seeds
from seedscope.analysis.run.parts import judged_part
from seedscope.analysis.run.run import AnyRun
from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.pipeline.errors import UserError

COUNTED_ONCE = "each counts once, with the first"


@dataclass(frozen=True)
class Score:
    """A score of the whole model: the mean of a measurement, or, without one, the Frechet distance of a feature.

    made_by: what must be alike where two runs are compared: the feature's fingerprint, and the table of the real pictures.
    """

    name: str
    feature: str
    measurement: Measurement | None
    unit: str | None
    made_by: tuple[str, str | None]


@dataclass(frozen=True, eq=False)
class Model:
    """A run whose scores are told. seeds: that are a draw from all there are. notes: on what is left out."""

    run: AnyRun
    name: str
    seeds: npt.NDArray[np.int64]
    scores: Sequence[Score]
    notes: Sequence[str]

    @classmethod
    def of(cls, whole: AnyRun, place: str) -> Model:
        """The run, or of a sweep the random seeds of its confirmation.

        Raises:
            UserError: it is not measured, nothing of it is, or the sweep is not that far.
        """
        run = judged_part(whole)
        if not run.measured:
            raise UserError(
                f"{place}: nothing is measured, so that there are no scores. Name `features` in the study, such as clip_score "
                "or looks, and run `seedscope features`."
            )
        refuse_unfinished(run)
        outside, notes = {*run.outside, *failed_seeds(run)}, list[str]()
        if run.race is not None:
            golden = run.race.golden or ()
            outside |= {*golden}
            notes.append(
                f"{place} is a sweep: told of are the {len({*run.wanted.seeds} - outside)} random seeds of its confirmation, "
                f"on its {len(run.wanted.prompts):,} prompts. Its {len(golden)} golden seeds were chosen and are no draw of "
                "luck; its rounds have other seeds on each prompt."
            )
        found = cls(
            run, place, np.array([seed for seed in run.wanted.seeds if seed not in outside]), _scores(run), notes
        )
        copied = {
            copy: first
            for copy, first in copied_seeds(run, found._grids()).items()
            if {copy, first} <= {*found.seeds.tolist()}
        }
        outside |= {*left_out(copied, len(found.seeds))}
        kept = np.array([seed for seed in found.seeds.tolist() if seed not in outside], np.int64)
        notes += of_copies(copied, len(found.seeds), COUNTED_ONCE)
        return cls(run, place, kept, found.scores, notes)

    def grid(self, item: Measurement) -> Grid:
        """The values of a measurement, of the seeds that count."""
        table = next(each.table for each in self.run.measures if each.feature.name == item.feature)
        return chosen(read_grid(table, item.column, self.run.units), seeds=self.seeds)

    def rows(self, feature: str, seeds: npt.NDArray[np.int64]) -> tuple[SeedRows, Reference]:
        """The vectors of a feature of some seeds, on the prompts that have all of these, and the real pictures.

        Raises:
            TooFewImages: fewer than two prompts have pictures of every seed.
        """
        table = next(each.table for each in self.run.measures if each.feature.name == feature)
        without = {seed for unit in self.run.units for seed in unit.seeds} - {*seeds.tolist()}
        return SeedRows.of(table, feature, self.run.units, without), real_pictures(self.run)[feature]

    def _grids(self) -> Iterator[Grid]:
        """Of all measurements, the cheap ones first."""
        scalars = (self.grid(score.measurement) for score in self.scores if score.measurement is not None)
        of_pictures = (grid for item, grid in grids(self.run, real_pictures(self.run)) if item.column == WITNESS)
        return chain(scalars, (chosen(grid, seeds=self.seeds) for grid in of_pictures))


def chosen(grid: Grid, seeds: npt.NDArray[np.int64] | None = None, prompts: npt.NDArray[np.str_] | None = None) -> Grid:
    """Some seeds and prompts of a grid, in the order in which they are named; all of them where none are."""
    rows, columns = np.arange(len(grid.prompts)), np.arange(len(grid.seeds))
    if seeds is not None:
        place = {seed: i for i, seed in enumerate(grid.seeds.tolist())}
        columns = np.array([place[seed] for seed in seeds.tolist()], np.intp)
    if prompts is not None:
        row = {prompt: i for i, prompt in enumerate(grid.prompts.tolist())}
        rows = np.array([row[prompt] for prompt in prompts.tolist()], np.intp)
    return Grid(grid.values[np.ix_(rows, columns)], grid.prompts[rows], grid.groups[rows], grid.seeds[columns])


def _scores(run: AnyRun) -> list[Score]:
    """Every score that there is: distances, means with a good direction, other means."""
    references = {item.feature.name: item.table.name for item in run.reference_measures}
    distances, means = list[Score](), list[Score]()
    for feature in run.measured:
        made_by = feature.fingerprint(), references.get(feature.name)
        for item in measurements(feature):
            if item.column == WITNESS:
                distances.append(Score(feature.name, feature.name, None, "squares of feature values", made_by))
            else:
                means.append(Score(item.name, feature.name, item, item.about.unit, (made_by[0], None)))
    means.sort(key=lambda score: score.measurement is None or score.measurement.better is None)
    return [*distances, *means]


def named(scores: Sequence[Score], only: Sequence[str], place: str) -> list[Score]:
    """Those of some names, or all.

    Raises:
        UserError: one is not measured.
    """
    known = {score.name: score for score in scores}
    if unknown := [name for name in only if name not in known]:
        raise UserError(f"--measure {unknown[0]}: {place} has no such score. It has: {', '.join(known) or 'none'}.")
    return [known[name] for name in only] or list(scores)


def places(locations: Sequence[Path]) -> list[str]:
    """What runs are called: by their folders' names, or, where these are alike, by their paths."""
    tails = [path.resolve().stem for path in locations]
    return tails if len({*tails}) == len(tails) else [str(path) for path in locations]
