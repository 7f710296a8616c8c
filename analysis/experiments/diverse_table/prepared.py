"""A run made ready for the table of diverse pictures: prompts that chose no seed, the diverse seeds, and what judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.experiments.diverse_table.contest import (
    Chance,
    Contender,
    Ground,
    K,
    chance_of,
    of_diverse,
    of_groups,
    of_random,
)
from seedscope.analysis.experiments.diverse_table.read import Judges, judges_of, read_pictures, witness_of
from seedscope.analysis.experiments.diverse_table.told import Contest
from seedscope.analysis.judging.diverse_sets import diverse_sets, ranking_prompts
from seedscope.analysis.judging.map_of_run import vector_measure
from seedscope.analysis.run.drawing_time import seconds_a_picture
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import fingerprint

FEWEST_GROUPS = 3


@dataclass(frozen=True, eq=False)
class Prepared:
    """prompts: those that are judged on. diverse: the seeds, none where `silent` says why. chosen_on: pictures that chose
    them."""

    run: Run
    judges: Judges
    ground: Ground
    prompts: Sequence[Prompt]
    diverse: Sequence[int]
    chosen_on: int
    silent: Mapping[str, str]

    def rng(self, use: str) -> np.random.Generator:
        """One for each use, which depends on the run alone."""
        cause = {"cause": self.run.cause, "for": f"table diverse {use}"}
        return np.random.default_rng(int(fingerprint(cause)[:16], 16))

    def contest(self, pushed: Sequence[Contender], candidates: Sequence[int], silent: Mapping[str, str]) -> Contest:
        """All ways: random and diverse seeds, those that were pushed, and groups of candidates as far as there are seeds."""
        seeds = self.ground.pictures.seeds
        columns = [seeds.index(seed) for seed in self.diverse]
        chance: Chance = chance_of(self.ground, columns, self.rng("random"))
        found = [of_random(self.ground, chance)]
        found += [of_diverse(self.ground, chance, columns)] if columns else []
        found += pushed
        for many in candidates:
            if K < many <= len(seeds):
                found += of_groups(self.ground, chance, many, self.rng(f"of {many}"))
        few = [str(many) for many in candidates if many > len(seeds)]
        lacking = {f"A choice of {' or '.join(few)}": f"the run has {len(seeds)} seeds."} if few else {}
        return Contest(
            found,
            chance,
            self.judges.alike,
            self.judges.good.name,
            self.ground.better,
            self.judges.real,
            self.diverse,
            (len(self.prompts), len(set(self.ground.groups.tolist()))),
            self.chosen_on,
            {**self.silent, **silent, **lacking},
        )


def prepared(run: Run, count: int, by: str | None, quality: str | None) -> Prepared:
    """Choose the diverse seeds on one half of the prompts, and at most `count` prompts of the other to judge on.

    Raises:
        UserError: the run measures too little, or has too few seeds or groups of prompts.
    """
    seeds = sorted({seed for unit in run.units for seed in unit.seeds} - run.outside)
    if len(seeds) <= K:
        raise UserError(
            f"{run.study.name}: has {len(seeds)} seeds, and four of more are chosen. Add seeds to the study."
        )
    judges = judges_of(run, by, quality)
    ranking = ranking_prompts(run)
    known = {prompt.id: prompt for unit in run.units for prompt in unit.prompts}
    judged = evenly([known[each] for each in sorted(known) if not ranking.get(each, True)], count)
    if len({prompt.group for prompt in judged}) < FEWEST_GROUPS:
        raise UserError(
            f"{run.study.name}: {len(judged)} prompts in {len({prompt.group for prompt in judged})} group(s) chose no seed; "
            f"intervals need {FEWEST_GROUPS} groups. Add prompts of other groups, or ask for more with --prompts."
        )
    pictures = read_pictures(run, judges, judged, seeds)
    prompts = [known[each] for each in pictures.prompts]
    groups = np.array([prompt.group for prompt in prompts])
    if len(set(groups.tolist())) < FEWEST_GROUPS:
        raise UserError(f"{run.study.name}: pictures of too few prompts have all measurements. See `seedscope status`.")
    good = judges.good.better
    if good is None:
        raise TypeError(f"{judges.good.name} has no good direction")
    ground = Ground(pictures, groups, witness_of(run, judges), good, seconds_a_picture(run.images, run.units))
    diverse = diverse_sets(run, [vector_measure(run, judges.alike)], (), K)
    chosen = list(diverse.sets[0].seeds) if diverse.sets else []
    silent = {"Diverse seeds are left out": " ".join(diverse.silent.values())} if diverse.silent else {}
    return Prepared(run, judges, ground, prompts, chosen, sum(ranking.values()) * len(seeds), silent)
