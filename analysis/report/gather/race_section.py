"""The rounds of a sweep for its report: who went out when, what it cost, and what a uniform sweep would have found."""

from __future__ import annotations

from collections.abc import Collection

from seedscope.analysis.judging.race.cost import beside_uniform
from seedscope.analysis.judging.race.early_trial import of_trial
from seedscope.analysis.report.data import Race, RaceRound
from seedscope.analysis.report.gather.how_made import ranges
from seedscope.analysis.run.run import Run
from seedscope.pipeline.tables.rounds import Round


def race_section(run: Run) -> Race | None:
    """Of a sweep that has come to its end; None of other runs."""
    race = run.race
    if race is None or race.golden is None:
        return None
    last, rounds = race.rounds[-1], [each for each in race.rounds if each.golden is None]
    after = [*(set(each.seeds) for each in rounds[1:]), set(race.golden)]
    found = [_round(each, stays) for each, stays in zip(rounds, after, strict=True)]
    tried = of_trial(race.rounds[0].why.get("trial"))
    return Race(
        [*beside_uniform(race), *([] if tried is None else [tried])],
        found,
        len(last.seeds) - len(race.golden),
        len(last.prompts),
    )


def _round(found: Round, stays: Collection[int]) -> RaceRound:
    out = [seed for seed in found.seeds if seed not in stays]
    return RaceRound(len(found.seeds), len(found.prompts), len(out), ranges(out), found.early)
