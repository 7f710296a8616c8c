"""From measurements to what is known of the seeds: the ranking, every scalar measurement, and text rates by task."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.by_distance import RankedByDistance, distances_table, ranked_by_distance
from seedscope.analysis.judging.copied_seeds import copied_seeds, left_out
from seedscope.analysis.judging.measurement import Measurement, measurements, quality, witness
from seedscope.analysis.judging.measures_table import measures_table
from seedscope.analysis.judging.run_view import MEASURED
from seedscope.analysis.judging.text_rates import text_rates
from seedscope.analysis.run.failed_seeds import failed_seeds
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.feature_rows import reference_of
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.witness import witness_grid
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.combined import COMBINED, Part, Term, combined
from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.analysis.seeds.scores.scalar import Scalar, columns, rank_by, scalar
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.split import split_prompts
from seedscope.analysis.seeds.seed_row import described_seeds
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.columns import About
from seedscope.pipeline.tables.table import Table


@dataclass(frozen=True)
class Judged:
    """What is known of the seeds of a run.

    ranking: by the study's measure. scalars: every scalar measurement by name; silent: those that say nothing of the seeds,
    and why. by_task: `text_rates` of a study that inpaints. combined: what the combined score is made of; empty where the
    study does not ask for one. distances: the seeds by each distance, of a study that asks for others than the Frechet
    distance. own: feature -> the seeds by their own Frechet distance, of each that decides which seeds are golden. copied:
    seed that has the pictures of another -> that one; it is left out of all, unless the seeds are copies of one.
    failed: of a sweep, seeds without a picture, which are left out too.
    """

    ranking: Ranking
    scalars: Mapping[str, Scalar]
    silent: Mapping[str, str]
    by_task: pa.Table | None
    combined: Sequence[Part] = ()
    distances: Sequence[RankedByDistance] = ()
    own: Mapping[str, Ranking] = field(default_factory=dict)
    copied: Mapping[int, int] = field(default_factory=dict)
    failed: Sequence[int] = ()

    def scores(self, name: str) -> Scalar:
        """A scalar measurement by its name.

        Raises:
            UserError: it says nothing of the seeds.
        """
        return _speaking(name, self.scalars, self.silent)


def judge(run: Run) -> Judged:
    """Judge the seeds of a measured run by everything that is measured; write what is found into the run folder.

    `seeds.parquet`: a row a seed, best first. `measures.parquet`: a row a scalar measurement. `text_rates.parquet`, of a
    study that inpaints: a row a seed and task. `distances.parquet`, of a study with `ranking.distances`: a row a distance.

    Raises:
        UserError: the study ranks no seeds, pictures or measurements are missing, every picture of a seed failed, or the
            ranking's measure says nothing of the seeds.
    """
    rules = run.study.ranked
    refuse_unfinished(run)
    failed = failed_seeds(run)
    references = real_pictures(run)
    coming, looked_at = grids(run, references), deque[tuple[Measurement, Grid]]()
    copied = copied_seeds(run, _looked_at(coming, looked_at))
    apart = {*run.outside, *failed, *left_out(copied, len(run.wanted.seeds) - len(failed))}
    measured = chain(_each_once(looked_at), coming)
    scalars, silent, parts = _scalars(run, ((item, grid.without(apart)) for item, grid in measured))
    first = run.measured_as(rules.named[0][1])
    by = [feature.name for _, name in rules.named if (feature := run.measured_as(name)).needs_reference]
    distances = ranked_by_distance(run, references, by, partial(_rng, run), apart)
    by_score = not first.needs_reference or _weights(run)
    ranking = rank_by(_speaking(decisive(run)[0], scalars, silent)) if by_score else distances[first.name].ranking
    others = list(distances.values()) if rules.distances else []
    own = {name: distances[name].ranking for name in by}
    judged = Judged(ranking, scalars, silent, text_rates(run, apart), parts, others, own, copied, failed)
    _write(run, judged)
    return judged


def real_pictures(run: Run) -> dict[str, Reference]:
    """The reference pictures as a Gaussian, for each feature of the run that is compared with them: feature -> reference."""
    return {
        item.feature.name: reference_of(item.table, item.feature.name, run.reference.units())
        for item in run.reference_measures
    }


def decisive(run: Run) -> list[str]:
    """The measurements by which the study's rule chooses seeds, in its order: the combined score, or one a feature."""
    return [COMBINED] if _weights(run) else [quality(run.measured_as(name)).name for _, name in run.study.ranked.named]


def deciding(run: Run, judged: Judged) -> list[Scalar]:
    """The measurements of `decisive` that say something of the seeds."""
    return [judged.scalars[name] for name in decisive(run) if name in judged.scalars]


def _weights(run: Run) -> dict[str, float]:
    """Measurement -> its weight in the combined score; empty where the study does not ask for one."""
    by = run.study.ranked.by
    return {quality(run.measured_as(name)).name: weight for name, weight in by.items()} if isinstance(by, dict) else {}


def _speaking(name: str, scalars: Mapping[str, Scalar], silent: Mapping[str, str]) -> Scalar:
    if name in silent:
        raise UserError(f"{name} says nothing of the seeds. {silent[name]}")
    return scalars[name]


def refuse_unfinished(run: Run) -> None:
    """Raise UserError where pictures or measurements of a run are missing."""
    needed: list[tuple[Sequence[Unit], Table, str]] = [(run.units, run.images, "pictures")]
    needed += [(run.units, item.table, f"measurements of {item.feature.name}") for item in run.measures]
    needed += [
        (units, item.table, f"measurements of {item.feature.name} ({stage})")
        for stage, _, measures, units in run.compared_with()
        for item in measures
    ]
    for units, table, what in needed:
        if missing := len({unit.name for unit in units} - table.committed()):
            raise UserError(
                f"{run.folder.path}: {missing} of {len(units)} units have no {what} yet. `seedscope run` makes them; "
                "`seedscope seeds` and `seedscope report` judge what there is with --complete-prompts."
            )


def _rng(run: Run, what: str) -> np.random.Generator:
    """Randomness of its own for each thing that is judged, so that none depends on what else is measured."""
    return np.random.default_rng(int(fingerprint({"cause": run.cause, "for": what})[:16], 16))


def _scalars(
    run: Run, measured: Iterable[tuple[Measurement, Grid]]
) -> tuple[dict[str, Scalar], dict[str, str], tuple[Part, ...]]:
    """Every scalar measurement of the run by name, the reasons of those that say nothing of the seeds, and what the combined
    score, which is the last of them, is made of."""
    scalars: dict[str, Scalar] = {}
    silent: dict[str, str] = {}
    parts: tuple[Part, ...] = ()
    weights, terms = _weights(run), dict[str, Term]()
    for item, grid in measured:
        try:
            scalars[item.name] = _scalar(run, item.name, item.better, grid, is_rate=item.is_rate)
        except StatisticsError as reason:
            silent[item.name] = str(reason)
        if item.name in weights and item.better is not None:
            terms[item.name] = Term(item.name, item.better, weights[item.name], grid)
    if terms:
        try:
            score, parts = _combined(run, [terms[name] for name in weights])
            scalars[COMBINED] = _scalar(run, COMBINED, "higher", score, is_rate=False)
        except StatisticsError as reason:
            silent[COMBINED] = str(reason)
    return scalars, silent, parts


def _combined(run: Run, terms: Sequence[Term]) -> tuple[Grid, tuple[Part, ...]]:
    """The combined score; its scale is that of the prompts to rank on, which are the same for all terms."""
    return combined(terms, split(run, terms[0].grid.groups))


def _scalar(run: Run, name: str, better: Better | None, grid: Grid, *, is_rate: bool) -> Scalar:
    return scalar(
        grid,
        name,
        better,
        is_rate=is_rate,
        ranking=split(run, grid.groups),
        k=run.study.ranked.golden,
        shuffles=run.study.ranked.shuffles,
        rng=_rng(run, name),
    )


def grids(run: Run, references: Mapping[str, Reference]) -> Iterator[tuple[Measurement, Grid]]:
    """Every scalar measurement of the run, and its values of the seeds that are of it."""
    for measure in run.measures:
        feature = measure.feature
        for item in measurements(feature):
            if item == witness(feature.name):
                real = references[feature.name]
                grid = witness_grid(measure.table, feature.name, run.units, real, run.outside)
            else:
                grid = read_grid(measure.table, item.column, run.units)
            yield item, grid.without(run.outside)


def _looked_at(coming: Iterator[tuple[Measurement, Grid]], kept: deque[tuple[Measurement, Grid]]) -> Iterator[Grid]:
    """The grids that are asked for, which are kept: reading them takes longer than looking for copies."""
    for item, grid in coming:
        kept.append((item, grid))
        yield grid


def _each_once(kept: deque[tuple[Measurement, Grid]]) -> Iterator[tuple[Measurement, Grid]]:
    """What was kept, and nothing of it any longer than it is needed: a grid may take 100 MB."""
    while kept:
        yield kept.popleft()


def joint_rng(run: Run) -> tuple[np.random.Generator, np.random.Generator]:
    """Two generators in one state, by which two measures of the same pictures are shuffled alike."""
    return _rng(run, "overlap"), _rng(run, "overlap")


def split(run: Run, groups: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_] | None:
    """(P,) true for one half of the prompts, false for the other: the same for every measurement of a run.

    None where all prompts are of one group. groups: (P,) of the prompts, in the order of the answer.
    """
    try:
        return split_prompts(groups, _rng(run, "split"))
    except StatisticsError:
        return None


def _write(run: Run, judged: Judged) -> None:
    seeds = described_seeds(_beside(judged), _said(run, judged))
    tables = {
        "seeds": seeds.replace_schema_metadata({**seeds.schema.metadata, MEASURED: json.dumps(_measured(run, judged))}),
        "measures": measures_table(judged.scalars.values()),
    }
    if judged.by_task is not None:
        tables["text_rates"] = judged.by_task
    if judged.distances:
        tables["distances"] = distances_table(judged.distances)
    else:
        (run.folder.path / "distances.parquet").unlink(missing_ok=True)  # of an earlier wording of the study
    for name, table in tables.items():
        with replacing(run.folder.path / f"{name}.parquet") as scratch:
            pq.write_table(table, scratch)


def _said(run: Run, judged: Judged) -> dict[str, About]:
    """What the measurements of the seeds table are, by name."""
    score = "The combined score: weighted mean of several measurements, 0 for the average picture."
    said = {COMBINED: About(score, "standard deviations", "higher")}
    for feature in run.measured:
        said |= {item.name: item.about for item in measurements(feature)}
    rankings = [item.ranking for item in judged.distances]
    for ranking in [judged.ranking, *rankings]:
        if ranking.real_images is not None:
            distance = "Distance between the pictures of the seed and real ones, by the vectors of a network."
            said[ranking.measure] = About(distance, "squares of feature values", ranking.better)
    return said


def _measured(run: Run, judged: Judged) -> Json:
    """What must be alike in two runs whose seeds are compared: the fingerprint of each feature; the table of the real pictures
    (whose name has the hash of its cause) of each that needs them; how many prompts, and how many golden seeds were asked
    for; by which measurements seeds are better than the median seed; and the weights of those that are combined."""
    return {
        "features": {item.name: item.fingerprint() for item in run.measured},
        "reference": {item.feature.name: item.table.name for item in run.reference_measures},
        "prompts": len(run.wanted.prompts),
        "golden": run.study.ranked.golden,
        "golden_by": [*decisive(run)[: None if run.study.ranked.rule == "pareto" else 1]],
        "combined": {part.measure: part.weight for part in judged.combined},
    }


def _with_copies(table: pa.Table, copied: Iterable[int]) -> pa.Table:
    """The table with a row for each copy or failed seed that it leaves out, in which nothing is known."""
    there = set(table["seed"].to_pylist())
    rows = [{"seed": seed, "n": 0} for seed in copied if seed not in there]
    return pa.concat_tables([table, pa.Table.from_pylist(rows, table.schema)]) if rows else table


def _beside(judged: Judged) -> pa.Table:
    """The ranking's table with the columns of all other measurements beside it."""
    table = _with_copies(judged.ranking.with_metadata(), [*judged.copied, *judged.failed])
    beside = {found.name: (found.seeds.tolist(), columns(found)) for found in judged.scalars.values()}
    beside |= {item.ranking.measure: (item.seeds, item.columns()) for item in judged.distances}
    for name, (seeds, arrays) in beside.items():
        if name == judged.ranking.measure:
            continue
        place = {seed: i for i, seed in enumerate(seeds)}
        order = pa.array([place.get(seed) for seed in table["seed"].to_pylist()], pa.int64())
        for column, array in arrays.items():
            table = table.append_column(column, array.take(order))
    return table
