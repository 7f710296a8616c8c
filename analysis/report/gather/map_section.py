"""The map of style of a report: the run's own map, made where there is none yet or where it is out of date."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq

from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.map_of_run import make_map, map_source
from seedscope.analysis.maps.meaning import Trait
from seedscope.analysis.report.data import StyleMap
from seedscope.analysis.report.gather.titles import space_of
from seedscope.analysis.run.run import Run

CLUSTERS, SEEDS = "clusters.json", "map_seeds.parquet"
TRAITS_SHOWN = 3
NO_TRAITS = "nothing that was measured sets it apart"


def style_map(run: Run, measure: Measure) -> StyleMap:
    """The map of seeds by a feature that gives vectors, from the run folder.

    It is made there, as `seedscope map` does, unless a map of these very measurements is there.

    Raises:
        TooFewToMap: there are too few seeds or prompts.
    """
    facts = _known(run, measure)
    if facts is None:
        make_map(run, measure.feature.name)
        facts = _known(run, measure)
    if facts is None:
        raise RuntimeError(f"{run.folder.path}: the map that was just made is not that of {measure.feature.name}")
    space = space_of(measure.feature.name)
    return StyleMap(
        feature=space,
        places={row["seed"]: (row["x"], row["y"], row["cluster"]) for row in _rows(run)},
        clusters={cluster["number"]: _describe(cluster["traits"]) for cluster in facts["clusters"]},
        sentence=" ".join(facts["verdict"]).replace(measure.feature.name, space),
    )


def _rows(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(run.folder.path / SEEDS).to_pylist()
    return rows


def _known(run: Run, measure: Measure) -> dict[str, Any] | None:
    """`clusters.json` of the map in the run folder; None where there is none of these measurements."""
    files = [run.folder.path / name for name in (CLUSTERS, SEEDS)]
    if not all(file.exists() for file in files):
        return None
    facts = json.loads(files[0].read_text(encoding="utf-8"))
    metadata = pq.read_schema(files[1]).metadata or {}
    of_seeds = json.loads(metadata.get(b"seedscope", b"{}"))
    wanted = (measure.feature.name, map_source(run, measure))
    same = all((found.get("feature"), found.get("source")) == wanted for found in (facts, of_seeds))
    return facts if same else None


def _describe(traits: list[dict[str, Any]]) -> str:
    """What sets a cluster apart, such as `saturation 18.5 (others 42.2), -1.4 s.d.`."""
    return "; ".join(str(Trait(**trait)) for trait in traits[:TRAITS_SHOWN]) or NO_TRAITS
