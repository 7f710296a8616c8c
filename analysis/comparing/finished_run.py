"""A run folder in which all is done, read without its study: what was drawn, how it was measured, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seedscope.analysis.features import FeatureError, feature
from seedscope.analysis.judging.measurement import distance_name, feature_by_name, measurements
from seedscope.analysis.judging.run_view import NotInRun, RunView, open_run
from seedscope.analysis.seeds.distances.base import FRECHET
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.combined import COMBINED
from seedscope.analysis.seeds.seed_row import SeedRow, measures_in, seed_rows
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition
from seedscope.pipeline.study.schema import Json


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """cause, edition: how the pictures were made, and which; made_from: how, as it was last recorded. golden: None of
    imported pictures. measures: a row of `measures.parquet` by name. features: name -> fingerprint; reference: name of a
    feature that needs reference pictures -> what identifies these. k: golden seeds that were asked for. golden_by: the
    measurements that say which seeds are better than the median seed, one but of the rule `pareto`. combined: measurement ->
    its weight in the combined score, if there is one. feature_of: measurement -> its feature, as far as the run keeps it."""

    path: str
    cause: Mapping[str, Json]
    edition: Edition
    ranking: Ranking
    golden: GoldenSeeds | None
    measures: Mapping[str, Mapping[str, Any]]
    features: Mapping[str, str]
    reference: Mapping[str, str]
    k: int
    golden_by: Sequence[str]
    combined: Mapping[str, float] = field(default_factory=dict)
    feature_of: Mapping[str, str] = field(default_factory=dict)
    made_from: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def open(cls, location: Path | str) -> FinishedRun:
        """Read a run folder, on this machine or at a URL.

        Raises:
            UserError: it is no run folder, it is not finished, or a file of it cannot be read.
        """
        view = open_run(location)
        path, edition = view.folder.storage.url, view.judged
        needed = ["seeds.parquet", "measures.parquet", *([] if "imported" in view.cause else ["golden.json"])]
        if missing := [name for name in needed if view.folder.storage.size(name) is None]:
            if "golden.json" not in missing and (golden := view.golden) is not None and golden.why.rule == "race":
                raise UserError(f"{path}: its sweep has stopped, and nothing is to be compared. {golden.why.sentence}")
            raise UserError(f"{path}: is not finished: no {', no '.join(missing)} yet. {_finish(path)}")
        seeds, measured = view.seeds(), view.how_measured()
        if "golden_by" not in measured:
            raise UserError(
                f"{path}: its seeds.parquet does not say how the pictures were measured: it was written by an older "
                f"seedscope. `seedscope seeds STUDY --out {path}` writes it again."
            )
        if measured["prompts"] != len(edition.prompts) or set(seeds["seed"].to_pylist()) != set(edition.seeds):
            raise UserError(f"{path}: has grown since its seeds were judged, and is not finished. {_finish(path)}")
        return cls(
            path,
            view.cause,
            edition,
            Ranking.of(seeds),
            view.golden if "golden.json" in needed else None,
            {row["measure"]: row for row in view.measures().to_pylist()},
            measured["features"],
            measured["reference"],
            measured["golden"],
            measured["golden_by"],
            measured["combined"],
            _features_of_measurements(view),
            view.made_from,
        )

    @cached_property
    def seeds(self) -> frozenset[int]:
        """Those that have an effect by a measurement. A copy of another seed has none: it is no evidence of its own."""
        return frozenset().union(*map(self.known, self.compared_by))

    def rows(self, measure: str) -> dict[int, SeedRow]:
        """What `seeds.parquet` says of each seed by a measurement."""
        return {row.seed: row for row in seed_rows(self.ranking.table, measure)}

    def known(self, measure: str) -> frozenset[int]:
        """The seeds that have an effect by a measurement."""
        return frozenset(row.seed for row in seed_rows(self.ranking.table, measure) if row.effect is not None)

    def far(self, measure: str) -> frozenset[int]:
        """The seeds that lie far off all others by a measurement, which its reliability leaves out; none in older runs."""
        return frozenset(self.measures.get(measure, {}).get("far") or ())

    @property
    def compared_by(self) -> list[str]:
        """The measurements of which a seed has an effect, the ranking's distance among them; no other distances."""
        found = measures_in(self.ranking.table)
        return [name for name in found if name in self.measures or name == self.ranking.measure]

    @property
    def prompts(self) -> set[str]:
        return {prompt.id for prompt in self.edition.prompts}

    def is_distance(self, measure: str) -> bool:
        """Whether a measurement is the ranking's distance, whose size depends on the number of pictures."""
        return measure == self.ranking.measure and self.ranking.real_images is not None

    def made_of(self, measure: str) -> list[str]:
        """The features that a measurement comes from: one, or, of the combined score, those of its parts.

        Raises:
            UnclearFeature: the run does not keep that, and the name does not tell.
        """
        parts = list(self.combined) if measure == COMBINED else [measure]
        return [self.feature_of.get(part) or feature_by_name(part, self.features) for part in parts]

    def effects(self, measure: str, seeds: list[int]) -> Array:
        """(S,) how much each seed differs from the median seed (in tables up to version 0.2, from the mean of all), NaN where
        undefined."""
        rows = self.rows(measure)
        return np.array([rows[seed].effect for seed in seeds], np.float64)

    def reliability(self, measure: str) -> float | None:
        """Share of the variance of the effects that is real, of seeds not `far` off all others; None where it is not known, as
        of a distance."""
        value = self.measures.get(measure, {}).get("reliability")
        return None if value is None else float(value)

    def differ(self, measure: str) -> float | None:
        """p of "the seeds do not differ at all"; None where it was not tested."""
        if self.is_distance(measure):
            return None if self.ranking.chance is None else self.ranking.chance.p_value
        value = self.measures.get(measure, {}).get("p")
        return None if value is None else float(value)


def _features_of_measurements(view: RunView) -> dict[str, str]:
    """Measurement -> its feature, by the study that a run keeps; empty of a run of 0.1.0, which keeps none.

    A feature of a later wording than that by which the seeds were judged, or one that this version cannot make, is left out.
    """
    try:
        choices = view.study.features
    except NotInRun:
        return {}
    judged, found = view.how_measured()["features"], dict[str, str]()
    for choice in choices:
        if choice.name not in judged:
            continue
        try:
            own = feature(choice.name, **choice.options)
        except (
            FeatureError
        ):  # such as an option of another version: what is compared is its fingerprint, not the feature
            continue
        found |= {item.name: item.feature for item in measurements(own)}
        if own.needs_reference:
            found[distance_name(own.name, FRECHET)] = own.name
    return found


def _finish(path: str) -> str:
    return f"`seedscope run STUDY --out {path}` finishes it."
