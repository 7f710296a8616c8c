"""Diverse seeds of a run: chosen on one part of the prompts by how their pictures look, tried on the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features.stage import Measure
from seedscope.analysis.maps.vectors import Grid as Vectors
from seedscope.analysis.maps.vectors import read_grid
from seedscope.analysis.seeds.grid import Grid
from seedscope.analysis.select.diverse import farthest_points
from seedscope.analysis.select.diversity import Diversity, diversity, similarities
from seedscope.jobs.job import Job
from seedscope.jobs.maps import projection_of
from seedscope.jobs.seeds import split
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replace
from seedscope.pipeline.study import fingerprint

COUNT = 4
"""Seeds of a set, as in the published table: pictures that a user is shown for a prompt."""


@dataclass(frozen=True)
class DiverseSeeds:
    """A set of seeds, the most distant first, out of a pool (`all` or `golden` seeds), and how alike their pictures are."""

    feature: str
    pool: str
    seeds: Sequence[int]
    evidence: Diversity


def choose_diverse(job: Job, measure: Measure, golden: Sequence[int] = (), count: int = COUNT) -> list[DiverseSeeds]:
    """Sets of `count` seeds among all, and among the golden ones where there are more than `count`; `diverse.json` says so.

    A seed is the mean of its pictures' vectors, each less the mean of its prompt, over the prompts to rank on. Similarity is
    that of the pictures' vectors on the prompts to confirm on.

    Raises:
        UserError: too few seeds, or too few prompts that all seeds have a picture of.

    Deviation from arXiv 2405.14828, table 2: cosines are of the vectors' principal components, whose mean over all pictures
    is 0, not of the vectors: Gram matrices have no negative entries, so that all their cosines are near 1.
    """
    _, projection = projection_of(job, measure)
    grid = read_grid(measure.table, measure.feature.name, job.units, projection, projection.width).complete()
    on = _ranking_prompts(job)
    ranking = np.array([on.get(prompt, False) for prompt in grid.prompts], dtype=np.bool_)
    if len(grid.seeds) <= count or not ranking.any() or ranking.all():
        raise UserError(
            f"{len(grid.seeds)} seeds and {len(grid.prompts)} prompts that all of them have a picture of: a set of {count} "
            "needs more seeds than that, and prompts of at least two groups. Add seeds or prompts to the study."
        )
    pools = {"all": list(range(len(grid.seeds)))}
    among = [place for place, seed in enumerate(grid.seeds) if seed in set(golden)]
    if len(among) > count:
        pools["golden"] = among
    found = _sets(job, measure.feature.name, grid, ranking, pools, count)
    _write(job, measure, found)
    return found


def _ranking_prompts(job: Job) -> Mapping[str, bool]:
    """Prompt id -> whether seeds are ranked on it; empty where all prompts are of one group."""
    groups = {prompt.id: prompt.group for unit in job.units for prompt in unit.prompts}
    values = np.empty((len(groups), 0), np.float32)
    on = split(job, Grid(values, np.array(list(groups)), np.array(list(groups.values())), np.empty(0, np.int64)))
    return {} if on is None else dict(zip(groups, on.tolist(), strict=True))


def _sets(
    job: Job,
    feature: str,
    grid: Vectors,
    ranking: npt.NDArray[np.bool_],
    pools: Mapping[str, Sequence[int]],
    count: int,
) -> list[DiverseSeeds]:
    of_seeds = grid.centred()[ranking].mean(axis=0)
    chosen = {
        name: farthest_points(of_seeds, count, _among(len(of_seeds), pool)).chosen for name, pool in pools.items()
    }
    sets = {f"chosen of {name}": places.tolist() for name, places in chosen.items()} | dict(pools)
    found = similarities(grid.values[~ranking], sets)
    groups = {prompt.id: prompt.group for unit in job.units for prompt in unit.prompts}
    labels = [groups[prompt] for prompt, on in zip(grid.prompts, ranking, strict=True) if not on]
    rng = np.random.default_rng(int(fingerprint({"cause": job.cause, "for": "diverse"})[:16], 16))
    return [
        DiverseSeeds(
            feature,
            name,
            [grid.seeds[place] for place in chosen[name]],
            diversity(found, f"chosen of {name}", name, labels, rng),
        )
        for name in pools
    ]


def _among(seeds: int, pool: Sequence[int]) -> npt.NDArray[np.bool_]:
    allowed = np.zeros(seeds, dtype=np.bool_)
    allowed[list(pool)] = True
    return allowed


def _write(job: Job, measure: Measure, found: Sequence[DiverseSeeds]) -> None:
    record = {"table": measure.table.name, "sets": [asdict(each) for each in found]}
    text = json.dumps(record, indent=1, allow_nan=False)
    replace(job.folder.path / "diverse.json", lambda path: path.write_text(text, encoding="utf-8"))
