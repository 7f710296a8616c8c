"""The map of style of a report: the run's own map, made where there is none yet or where it is out of date."""

from __future__ import annotations

import json
from typing import Any

from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.map_of_run import make_map, map_source
from seedscope.analysis.maps.meaning import Trait
from seedscope.analysis.report.data import StyleMap
from seedscope.analysis.report.gather.titles import space_of
from seedscope.analysis.run.run import Run
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE
from seedscope.pipeline.tables.parquet import read_whole

CLUSTERS, SEEDS = "clusters.json", "map_seeds.parquet"
TRAITS_SHOWN = 3
NO_TRAITS = "nothing that was measured sets it apart"


def style_map(run: Run, measure: Measure) -> StyleMap:
    """The map of seeds by a feature that gives vectors, from the run folder.

    It is made there, as `seedscope map` does, unless a map of these very measurements is there.

    Raises:
        TooFewToMap: there are too few seeds or prompts.
    """
    known = _known(run, measure)
    if known is None:
        make_map(run, measure.feature.name)
        known = _known(run, measure)
    if known is None:
        raise RuntimeError(f"{run.folder.path}: the map that was just made is not that of {measure.feature.name}")
    facts, rows = known
    space = space_of(measure.feature.name)
    return StyleMap(
        feature=space,
        places={row["seed"]: (row["x"], row["y"], row["cluster"]) for row in rows},
        clusters={cluster["number"]: _describe(cluster["traits"]) for cluster in facts["clusters"]},
        sentence=" ".join(facts["verdict"]).replace(measure.feature.name, space),
    )


def _known(run: Run, measure: Measure) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """`clusters.json` and the rows of the map in the run folder; None where there is none of these measurements."""
    files = [run.folder.path / name for name in (CLUSTERS, SEEDS)]
    if not all(file.exists() for file in files):
        return None
    try:
        facts = json.loads(files[0].read_text(encoding="utf-8"))
        seeds = read_whole(files[1])
        of_seeds = json.loads((seeds.schema.metadata or {}).get(b"seedscope", b"{}"))
        rows: list[dict[str, Any]] = seeds.to_pylist()
    except UNREADABLE:
        return None
    wanted = (measure.feature.name, map_source(run, measure))
    same = all((found.get("feature"), found.get("source")) == wanted for found in (facts, of_seeds))
    return (facts, rows) if same else None


def _describe(traits: list[dict[str, Any]]) -> str:
    """What sets a cluster apart, such as `saturation 18.5 (others 42.2), -1.4 s.d.`."""
    return "; ".join(str(Trait(**trait)) for trait in traits[:TRAITS_SHOWN]) or NO_TRAITS
