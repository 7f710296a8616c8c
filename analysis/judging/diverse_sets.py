"""Diverse seeds of a run: chosen on one part of the prompts by how their pictures differ, tried on the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.features.layout.layout import Layout
from seedscope.analysis.judging.copied_seeds import without_copies
from seedscope.analysis.judging.degenerate_seeds import DegenerateSeeds
from seedscope.analysis.judging.judge import split
from seedscope.analysis.judging.map_of_run import projection_of, vector_measure
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.vectors import Grid as Vectors
from seedscope.analysis.seeds.scores.vectors import read_grid
from seedscope.analysis.select.diverse import farthest_points
from seedscope.analysis.select.diversity import Diversity, cosines, diversity, similarities
from seedscope.analysis.select.places import read_places, same_place
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.schema import fingerprint

COUNT = 4
"""Seeds of a set, as in the published table: pictures that a user is shown for a prompt."""
ENOUGH = 0.5
"""Share of the prompts to rank on of which a seed must have a picture to be chosen: the mean of a few is far from the others
by chance."""


@dataclass(frozen=True)
class DiverseSeeds:
    """A set of seeds, the most distant first, out of a pool (`all` or `golden` seeds), and how alike their pictures are.

    left_out: seeds of the pool that had pictures of too few prompts to be chosen. degenerate: seed that would have been chosen
    -> what is wrong with its pictures. copied: seed of the run that has the pictures of another -> that one, which stands for
    both. table: what was measured.
    """

    feature: str
    table: str
    pool: str
    seeds: Sequence[int]
    left_out: int
    evidence: Diversity
    degenerate: Mapping[int, str]
    copied: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DiverseSets:
    """All sets of a run; `silent`: feature, or feature and pool -> why there is none."""

    sets: Sequence[DiverseSeeds]
    silent: Mapping[str, str]


def diverse_measures(run: Run, by: str | None) -> list[Measure]:
    """The measure of the feature `by`, or without it what tells style, where that is measured, and layout.

    Raises:
        UserError: the study does not measure it, or it tells neither.
    """
    layout = [item for item in run.measures if isinstance(item.feature, Layout)]
    if by is None:
        try:
            return [vector_measure(run, None), *layout]
        except UserError:
            if layout:
                return layout
            raise
    return [item for item in layout if item.feature.name == by] or [vector_measure(run, by)]


def choose_diverse(
    run: Run, measures: Sequence[Measure], golden: Sequence[int] = (), count: int = COUNT
) -> DiverseSets:
    """`diverse_sets`, which `diverse.json` then holds, if there are any."""
    found = diverse_sets(run, measures, golden, count)
    if found.sets:
        text = json.dumps(asdict(found), indent=1, allow_nan=False)
        with replacing(run.folder.path / "diverse.json") as scratch:
            scratch.write_text(text, encoding="utf-8")
    return found


def diverse_sets(run: Run, measures: Sequence[Measure], golden: Sequence[int] = (), count: int = COUNT) -> DiverseSets:
    """Sets of `count` seeds by each measure, among all seeds and among the golden ones.

    A seed is the mean of its pictures' vectors, each less the mean of its prompt, over the prompts to rank on. Similarity is
    that of the pictures on the prompts to confirm on: of objects as `select.places.same_place` says, of vectors their cosine.

    Pictures that are broken (black, noise, one again and again) lie far from all others: seeds of such are left out, and named.
    So are copies of another seed: two of a set would be the same, and of a pool of few seeds, many times each, a set would
    seem to differ more than random ones.

    Deviation from arXiv 2405.14828, table 2: cosines are of the vectors' principal components, whose mean over the pictures
    that they were fitted on is 0, not of the vectors: Gram matrices have no negative entries, so that all their cosines are
    near 1.
    """
    sets: list[DiverseSeeds] = []
    silent: dict[str, str] = {}
    broken = DegenerateSeeds(run)
    for measure in measures:
        name = measure.feature.name
        try:
            space = _space(run, measure, count, broken)
            sets.append(_chosen(run, space, "all", np.ones(len(space.grid.seeds), np.bool_), count))
            if golden:
                sets.append(_chosen(run, space, "golden", np.isin(space.grid.seeds, golden), count))
        except UserError as reason:
            silent[f"{name}, among golden seeds" if sets and sets[-1].feature == name else name] = str(reason)
    return DiverseSets(sets, silent)


@dataclass(frozen=True, eq=False)
class _Space:
    """What seeds are compared by: the pictures' vectors, how alike two of them are, and the prompts (P,) to rank on; which
    seeds have degenerate pictures, and which are copies, that the grid leaves out."""

    measure: Measure
    grid: Vectors
    alike: Callable[[Array], Array]
    ranking: npt.NDArray[np.bool_]
    broken: DegenerateSeeds
    copied: Mapping[int, int]


def _space(run: Run, measure: Measure, count: int, broken: DegenerateSeeds) -> _Space:
    if isinstance(measure.feature, Layout):
        grid, alike = read_places(measure.table, list(measure.feature.scalars()), run.units), same_place
    else:
        _, projection = projection_of(run, measure)
        grid = read_grid(measure.table, measure.feature.name, run.units, projection, projection.width)
        alike = cosines
    grid, copied = without_copies(run, grid.without(run.outside))
    if len(grid.seeds) <= count:
        own = " with pictures of their own" if copied else ""
        raise UserError(
            f"The run has {len(grid.seeds)} seeds{own}: a choice of {count} needs more. Add seeds to the study, or ask for "
            "fewer with --count."
        )
    on = ranking_prompts(run)
    if not on:
        raise UserError(
            f"There are {len(grid.prompts)} prompts, all of one group: seeds are chosen on one part of the groups and tried on "
            "the other. Give prompts of at least two groups (objects of a grid, `group` of a file)."
        )
    return _Space(
        measure, grid, alike, np.array([on[prompt] for prompt in grid.prompts], dtype=np.bool_), broken, copied
    )


def ranking_prompts(run: Run) -> Mapping[str, bool]:
    """Prompt id -> whether seeds are ranked on it; empty where all prompts are of one group."""
    groups = _groups(run)
    on = split(run, np.array(list(groups.values())))
    return {} if on is None else dict(zip(groups, on.tolist(), strict=True))


def _groups(run: Run) -> dict[str, str]:
    return {prompt.id: prompt.group for unit in run.units for prompt in unit.prompts}


def _chosen(run: Run, space: _Space, pool: str, among: npt.NDArray[np.bool_], count: int) -> DiverseSeeds:
    """Raises UserError where too few seeds of the pool have pictures that can be compared."""
    grid, means = space.grid, space.grid.seed_means(space.ranking)
    known = among & _enough(space) & np.isfinite(means).all(axis=1)
    chosen, degenerate = _farthest(space, pool, among, known, count)
    able = known & ~np.isin(grid.seeds, list(degenerate))
    names = {"chosen": chosen.tolist(), "pool": np.flatnonzero(able).tolist()}
    similar = similarities(grid.values[~space.ranking], names, space.alike)
    groups = _groups(run)
    labels = [groups[prompt] for prompt, on in zip(grid.prompts, space.ranking, strict=True) if not on]
    rng = np.random.default_rng(int(fingerprint({"cause": run.cause, "for": "diverse"})[:16], 16))
    return DiverseSeeds(
        space.measure.feature.name,
        space.measure.table.name,
        pool,
        [grid.seeds[place] for place in chosen],
        int((among & ~known).sum()),
        diversity(similar, "chosen", "pool", labels, rng),
        degenerate,
        space.copied,
    )


def _farthest(
    space: _Space, pool: str, among: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], count: int
) -> tuple[npt.NDArray[np.intp], dict[int, str]]:
    """The places of the seeds that are farthest from each other, and those with degenerate pictures that were in their way."""
    seeds, means = space.grid.seeds, space.grid.seed_means(space.ranking)
    degenerate: dict[int, str] = {}
    while True:
        able = known & ~np.isin(seeds, list(degenerate))
        if able.sum() <= count:
            with_vector = (
                "" if known.sum() == among.sum() else f", {known.sum()} of them with pictures that have a vector"
            )
            bad = f", {len(degenerate)} of them with degenerate pictures" if degenerate else ""
            kind = "golden seeds" if pool == "golden" else "seeds"
            raise UserError(f"There are {among.sum()} {kind}{with_vector}{bad}: a choice of {count} needs more.")
        found = farthest_points(means, count, able)
        if not found.distance[-1]:
            apart = 1 + np.count_nonzero(found.distance[1:])
            raise UserError(
                f"{able.sum()} seeds have pictures of {apart} kind(s) only: there are no {count} that differ."
            )
        bad_seeds = space.broken([int(seeds[place]) for place in found.chosen])
        if not bad_seeds:
            return found.chosen, degenerate
        degenerate |= bad_seeds


def _enough(space: _Space) -> npt.NDArray[np.bool_]:
    """(S,) whether a seed has pictures of enough of the prompts to rank on of which any seed has one."""
    known = np.any(np.isfinite(space.grid.values[space.ranking]), axis=2)
    with_any = known.any(axis=1).sum()
    return np.asarray((known.sum(axis=0) >= ENOUGH * with_any) & (with_any > 0))
