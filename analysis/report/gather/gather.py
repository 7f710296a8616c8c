"""From a finished run to its report: everything that was found out, put into the report's terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from seedscope.analysis.features.layout.layout import Layout as LayoutFeature
from seedscope.analysis.judging.by_distance import RankedByDistance
from seedscope.analysis.judging.copied_seeds import of_copies
from seedscope.analysis.judging.diverse_sets import DiverseSeeds, choose_diverse, diverse_measures
from seedscope.analysis.judging.golden_rules import Choice, choose
from seedscope.analysis.judging.judge import deciding, decisive, judge
from seedscope.analysis.judging.unsteady_seeds import of_unsteady
from seedscope.analysis.report.data import (
    Comparison,
    DistanceKind,
    DiverseSet,
    Estimate,
    Golden,
    Measured,
    ReportData,
    StyleMap,
    TaskRates,
)
from seedscope.analysis.report.gather.answer import answer, in_words
from seedscope.analysis.report.gather.experiments import experiments
from seedscope.analysis.report.gather.how_made import failed_cells, how_made
from seedscope.analysis.report.gather.layouts import layouts
from seedscope.analysis.report.gather.map_section import style_map
from seedscope.analysis.report.gather.measured import estimate, measurements
from seedscope.analysis.report.gather.picture_scores import picture_scores
from seedscope.analysis.report.gather.race_section import race_section
from seedscope.analysis.report.gather.titles import space_of
from seedscope.analysis.report.page import write_report
from seedscope.analysis.report.pictures import MOST_PICTURES
from seedscope.analysis.run.complete_prompts import unfinished
from seedscope.analysis.run.parts import whole
from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.analysis.run.unnamed_groups import unnamed_groups
from seedscope.analysis.select.comparison import Compared, Difference
from seedscope.pipeline.errors import UserError

SHOWN = 8


def make_report(
    run: Run,
    folder: Path,
    progress: Callable[[int, int], object] | None = None,
    most_pictures: int | None = MOST_PICTURES,
) -> Path:
    """Write the report of a finished run into a folder; return the page to open.

    What the report rests on is written into the run folder too: `seeds.parquet` and its neighbours as `seedscope seeds` does,
    the map as `seedscope map` does where it is not there yet, and `diverse.json`. most_pictures: as of `write_report`.

    Raises:
        UserError: the run is not finished, or the folder cannot be used.
        CorruptShard: a shard is damaged.
    """
    pictures = RunPictures(run.images, run.units)
    return write_report(report_data(run), pictures, folder, progress, pictures.encoded, most_pictures)


def report_data(run: Run) -> ReportData:
    """Everything that a report says of a finished run.

    Raises:
        UserError: the run is not finished, or its golden rule cannot be applied.
        CorruptShard: a shard is damaged.
    """
    judged = judge(run)
    choice = choose(run, judged)
    controlled = run.control is not None
    measures = measurements(judged, controlled=controlled)
    golden_first, *further = answer(measures, judged.ranking.measure, decisive(run), choice)
    looks, found = _looks(run, choice), experiments(run)
    ids = [prompt.id for prompt in run.wanted.prompts]
    return ReportData(
        title=run.study.name if run.subject == run.study.name else f"{run.subject}: {run.study.name}",
        answer=[
            golden_first,
            *unfinished(run),
            *further,
            *unnamed_groups(run),
            *of_copies(judged.copied, len(run.wanted.seeds)),
            *(
                in_words(sentence, {one.name: one.title for one in measures})
                for sentence in of_unsteady(deciding(run, judged))
            ),
        ],
        by=judged.ranking.measure,
        measures=measures,
        ranked=[row.seed for row in judged.ranking.ranked],
        golden=_golden(choice, measures),
        prompts=_prompts(run),
        shown=evenly(sorted(ids, key=run.kind), SHOWN),
        made=how_made(whole(run), {**judged.silent, **looks.silent, **found.silent}),
        failed=failed_cells(whole(run)),
        distances=[_distance(found) for found in judged.distances],
        diverse=looks.diverse,
        style=looks.style,
        layout=layouts(run),
        text=_text(judged.by_task),
        experiments=found.shown,
        race=race_section(run),
        groups={prompt.id: prompt.group for prompt in run.wanted.prompts if prompt.has_named_group},
        scores=picture_scores(run, judged, measures),
        top_k=min(run.study.ranked.golden, judged.ranking.table.num_rows),
    )


class _Looks(NamedTuple):
    """How pictures look and where their objects stand; `silent`: part of the report -> why there is none."""

    style: StyleMap | None
    diverse: list[DiverseSet]
    silent: dict[str, str]


def _looks(run: Run, choice: Choice) -> _Looks:
    try:
        measures = diverse_measures(run, None)
    except UserError:
        return _Looks(None, [], {})
    silent: dict[str, str] = {}
    style: StyleMap | None = None
    if not isinstance(measures[0].feature, LayoutFeature):
        try:
            style = style_map(run, measures[0])
        except UserError as reason:  # such as too few seeds: no reason to have no report
            silent["The map of style"] = str(reason)
    found = choose_diverse(run, measures, choice.seeds)
    silent |= {f"Diverse sets by {name}": reason for name, reason in found.silent.items()}
    return _Looks(style, [_diverse(each) for each in found.sets], silent)


def _distance(found: RankedByDistance) -> DistanceKind:
    ranking, agreement = found.ranking, found.agreement
    return DistanceKind(
        measure=ranking.measure,
        images=ranking.images_a_seed,
        real_images=ranking.real_images,
        dimensions=ranking.dimensions or 0,
        agreement=None if agreement is None else estimate(agreement.rho, agreement.lo, agreement.hi),
        caution=ranking.caution,
    )


def _diverse(found: DiverseSeeds) -> DiverseSet:
    evidence = found.evidence
    return DiverseSet(
        space=f"{space_of(found.feature)}, among {found.pool} seeds",
        seeds=found.seeds,
        similarity=Estimate(evidence.similarity, evidence.interval),
        random=Estimate(evidence.random, evidence.random_range),
        p=evidence.p_value,
        draws=evidence.draws,
        prompts=evidence.prompts,
        missing=evidence.missing,
        degenerate=found.degenerate,
    )


def _prompts(run: Run) -> dict[str, str]:
    """Id -> text; of an inpainting study with the picture and the task, since many prompts have the same text."""
    if run.control is None:
        return {prompt.id: prompt.text for prompt in run.wanted.prompts}
    return {prompt.id: f"{run.kind(prompt.id)} of {prompt.group}: {prompt.text}" for prompt in run.wanted.prompts}


def _golden(choice: Choice, measures: Sequence[Measured]) -> Golden:
    titles = {measured.name: measured.title for measured in measures}
    compared = [
        _comparison(measured, choice.compared[measured.name])
        for measured in measures
        if measured.name in choice.compared
    ]
    return Golden(choice.rule, choice.seeds, in_words(choice.sentence, titles), compared)


def _comparison(measured: Measured, found: Compared) -> Comparison:
    share = measured.rate or measured.unit.startswith("share of")
    return Comparison(
        measured.name,
        golden=_moved(found.chosen, found.random, share=share),
        random=Estimate(found.random),
        worst=_moved(found.worst, found.random, share=share),
        gain=_moved(found.chosen, 0.0, share=False),
    )


def _moved(found: Difference | None, to: float, *, share: bool) -> Estimate:
    """A difference, moved to what it is a difference to; within 0..1 for shares."""
    if found is None:
        return Estimate(None)
    moved = [None if end is None else to + end for end in (found.mean, found.lo, found.hi)]
    within = [None if end is None else min(max(end, 0.0), 1.0) for end in moved]
    return estimate(*(within if share else moved))


def _text(table: pa.Table | None) -> list[TaskRates]:
    rows = [] if table is None else table.to_pylist()
    tasks = {row["task"]: _estimate(row, "before") for row in rows}
    return [
        TaskRates(task, before, {row["seed"]: _estimate(row, "rate") for row in rows if row["task"] == task})
        for task, before in tasks.items()
    ]


def _estimate(row: Mapping[str, Any], name: str) -> Estimate:
    return estimate(row[name], row[f"{name}_lo"], row[f"{name}_hi"])
