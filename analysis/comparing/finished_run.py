"""A run folder in which all is done, read without its study: what was drawn, how it was measured, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seedscope.analysis.judging.run_view import open_run
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.combined import COMBINED
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition
from seedscope.pipeline.study.schema import Json

EFFECT = "_vs_mean"


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """cause, edition: how the pictures were made, and which. golden: None of imported pictures. measures: a row of
    `measures.parquet` by name. features: name -> fingerprint; reference: name of a feature that needs real pictures -> what
    identifies these. k: golden seeds that were asked for. golden_by: the measurements that say which seeds are better than
    average, one but of the rule `pareto`. combined: measurement -> its weight in the combined score, if there is one."""

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

    @classmethod
    def open(cls, location: Path | str) -> FinishedRun:
        """Read a run folder, on this machine or at a URL.

        Raises:
            UserError: it is no run folder, it is not finished, or a file of it cannot be read.
        """
        view = open_run(location)
        path, edition = view.folder.storage.url, view.edition
        needed = ["seeds.parquet", "measures.parquet", *([] if "imported" in view.cause else ["golden.json"])]
        if missing := [name for name in needed if view.folder.storage.size(name) is None]:
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
        )

    @cached_property
    def rows(self) -> dict[int, dict[str, Any]]:
        """A row of `seeds.parquet` by seed."""
        return {row["seed"]: row for row in self.ranking.table.to_pylist()}

    @property
    def compared_by(self) -> list[str]:
        """The measurements of which a seed has an effect, the ranking's distance among them; no other distances."""
        found = [name.removesuffix(EFFECT) for name in self.ranking.table.column_names if name.endswith(EFFECT)]
        return [name for name in found if name in self.measures or name == self.ranking.measure]

    @property
    def prompts(self) -> set[str]:
        return {prompt.id for prompt in self.edition.prompts}

    def is_distance(self, measure: str) -> bool:
        """Whether a measurement is the ranking's distance, whose size depends on the number of pictures."""
        return measure == self.ranking.measure and self.ranking.real_images is not None

    def made_of(self, measure: str) -> list[str]:
        """The features that a measurement comes from: that with the longest name of those with which its name begins, or, of
        the combined score, those of its parts."""
        names = list(self.combined) if measure == COMBINED else [measure]
        return [max((name for name in self.features if part.startswith(name)), key=len) for part in names]

    def effects(self, measure: str, seeds: list[int]) -> Array:
        """(S,) how much each seed differs from the mean of all, NaN where undefined."""
        return np.array([self.rows[seed][measure + EFFECT] for seed in seeds], np.float64)

    def reliability(self, measure: str) -> float | None:
        """Share of the variance of the effects that is real; None where it is not known, as of a distance."""
        value = self.measures.get(measure, {}).get("reliability")
        return None if value is None else float(value)

    def differ(self, measure: str) -> float | None:
        """p of "the seeds do not differ at all"; None where it was not tested."""
        if self.is_distance(measure):
            return None if self.ranking.chance is None else self.ranking.chance.p_value
        value = self.measures.get(measure, {}).get("p")
        return None if value is None else float(value)


def _finish(path: str) -> str:
    return f"`seedscope run STUDY --out {path}` finishes it."
