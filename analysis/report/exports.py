"""The numbers behind every figure and table of the report, as CSV files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seedscope.analysis.report.by_group import GROUP_COLUMNS, group_rows
from seedscope.analysis.report.data import Estimate, ReportData
from seedscope.analysis.report.plots import mean_place
from seedscope.pipeline.spreadsheets import Row, Value, write_csv


def write_exports(data: ReportData, folder: Path) -> None:
    """Write the CSV files into `folder`, which must exist; an apostrophe goes before texts that look like formulas."""
    for name, (header, rows) in _tables(data).items():
        write_csv(folder / f"{name}.csv", header, rows)


def _tables(data: ReportData) -> dict[str, tuple[Sequence[str], Iterable[Row]]]:
    tables: dict[str, tuple[Sequence[str], Iterable[Row]]] = {
        "measures": (_MEASURES, _measures(data)),
        "seeds": (_SEEDS, _seeds(data)),
        "stability": (("measure", "seed", "effect_ranking", "effect_confirmation"), _stability(data)),
        "prompts": (("prompt_id", "prompt"), data.prompts.items()),
        "failed": (("cell", "reason"), data.failed.items()),
        "layout": (("seed", "pictures", "mean_x", "mean_y", "size", "nearness"), _layout(data)),
        "layout_heat": (("seed", "row", "column", "share"), _heat(data)),
        "text": (("task", "seed", *_named("rate")), _text(data)),
        "diverse": (
            ("space", "place", "seed", *_named("similarity"), *_named("random"), "p", "prompts", "missing"),
            _diverse(data),
        ),
    }
    if data.golden is not None:
        tables["golden"] = (
            ("rule", "place", "seed"),
            ((data.golden.rule, i, s) for i, s in enumerate(data.golden.seeds, 1)),
        )
        tables["comparison"] = (("measure", *_GROUPS), _comparison(data))
    if data.groups and data.scores:
        tables["groups"] = (GROUP_COLUMNS, group_rows(data))
    for experiment in data.experiments:
        for place, table in enumerate(experiment.tables, 1):
            tables[f"{experiment.name}-{place}"] = (table.columns, table.rows)
    if data.distances:
        tables["distances"] = (_DISTANCES, _distances(data))
    if data.style is not None:
        places = data.style.places.items()
        tables["style_map"] = (("seed", "x", "y", "cluster"), ((seed, *place) for seed, place in places))
    return tables


def _named(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


_MEASURES = (
    *("measure", "title", "unit", "better", "prompts", "groups", "cells", "missing", "mean"),
    *(name for part in ("seed", "prompt", "rest") for name in _named(f"share_{part}")),
    *(
        "reliability",
        "prompts_for_08",
        "p",
        "chance_best_low",
        "chance_best_high",
        "chance_worst_low",
        "chance_worst_high",
    ),
    *(*_named("spearman"), "spearman_p", "k", "overlap", "overlap_expected", "overlap_deviation"),
)
_SEEDS = (
    "measure",
    "seed",
    "n",
    *_named("value"),
    *_named("effect"),
    *_named("shrunk"),
    "q",
    "top_probability",
    "top_resampled",
)
_DISTANCES = ("measure", "images", "real_images", "dimensions", *_named("spearman"), "caution")
_GROUPS = tuple(name for group in ("golden", "random", "worst", "gain") for name in _named(group))


def _cells(estimate: Estimate) -> tuple[Value, Value, Value]:
    return (estimate.value, *(estimate.interval or (None, None)))


def _measures(data: ReportData) -> Iterator[Row]:
    for m in data.measures:
        shares = [cell for part in ("seed", "prompt", "rest") for cell in _cells(m.shares.get(part, Estimate(None)))]
        chance = (*(m.best or (None, None)), *(m.worst or (None, None)))
        s = m.stability
        stable = (None,) * 8 if s is None else (*_cells(s.spearman), s.p, s.k, s.overlap, s.expected, s.deviation)
        described = (m.name, m.title, m.unit, m.better, m.prompts, m.groups, m.cells, m.missing, m.mean)
        yield (*described, *shares, m.reliability, m.prompts_for_08, m.p, *chance, *stable)


def _seeds(data: ReportData) -> Iterator[Row]:
    for measured in data.measures:
        for seed, s in sorted(measured.seeds.items()):
            yield (
                measured.name,
                seed,
                s.n,
                *_cells(s.value),
                *_cells(s.effect),
                *_cells(s.shrunk),
                s.q,
                s.probability,
                s.resampled,
            )


def _stability(data: ReportData) -> Iterator[Row]:
    for measured in data.measures:
        if measured.stability is not None:
            yield from ((measured.name, seed, *point) for seed, point in measured.stability.points.items())


def _comparison(data: ReportData) -> Iterator[Row]:
    for c in data.golden.comparisons if data.golden else ():
        yield (c.measure, *_cells(c.golden), *_cells(c.random), *_cells(c.worst), *_cells(c.gain))


def _distances(data: ReportData) -> Iterator[Row]:
    for d in data.distances:
        yield (d.measure, d.images, d.real_images, d.dimensions, *_cells(d.agreement or Estimate(None)), d.caution)


def _layout(data: ReportData) -> Iterator[Row]:
    for seed, layout in data.layout.items():
        yield (seed, len(layout.centroids), *(mean_place(layout) or (None, None)), layout.size, layout.nearness)


def _heat(data: ReportData) -> Iterator[Row]:
    for seed, layout in data.layout.items():
        for row, shares in enumerate(layout.heat):
            yield from ((seed, row, column, share) for column, share in enumerate(shares))


def _text(data: ReportData) -> Iterator[Row]:
    for task in data.text:
        yield (task.task, "before", *_cells(task.before))
        yield from ((task.task, seed, *_cells(rate)) for seed, rate in task.seeds.items())


def _diverse(data: ReportData) -> Iterator[Row]:
    for chosen in data.diverse:
        evidence = (*_cells(chosen.similarity), *_cells(chosen.random), chosen.p, chosen.prompts, chosen.missing)
        yield from ((chosen.space, place, seed, *evidence) for place, seed in enumerate(chosen.seeds, start=1))
