"""Which seeds of a run are golden, by the rule of its study, and what that claim is worth on other prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.judging.degenerate_seeds import DegenerateSeeds
from seedscope.analysis.judging.golden_sentences import (
    NO_SHUFFLES,
    ONE_GROUP,
    UNTRIED,
    few_groups,
    no_choice,
    not_by_own_distance,
    not_judged,
    not_of_degenerate_pictures,
    not_together,
    of_combined,
    of_confirmed,
    of_overlap,
    of_pareto,
    of_ties,
    worse_by,
)
from seedscope.analysis.judging.judge import Judged, decisive, joint_rng
from seedscope.analysis.judging.race.choice import RULE, chosen_by_race
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import mean_of
from seedscope.analysis.seeds.scores.scalar import Scalar, shuffles_of_scores
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.verdict import verdict
from seedscope.analysis.select.comparison import Compared, Difference, compare, difference
from seedscope.analysis.select.confirmed import Evidence, confirmed
from seedscope.analysis.select.overlap import overlap_rule
from seedscope.analysis.select.pareto import pareto
from seedscope.analysis.select.why import Raced

Barred = Mapping[int, str]
"""Seed -> why it may not be golden, whatever the rule says."""

OWN_LEVEL = 0.05
"""One-sided, for "no better than the median seed by its own distance", of seeds that were chosen by it."""


@dataclass(frozen=True)
class Choice:
    """The golden seeds, best first (of the rule `pareto` the clearest first), perhaps none, and what the rule shows.

    compared: measurement with a good direction -> the best and the worst seeds of halves of the prompts less random ones, on
    the other halves; empty where there are none: prompts of one group, or a rule that chooses on all of them. Of a sweep: the
    golden seeds less random ones on the held-out prompts. raced: how a sweep came to them; None of other studies.
    """

    rule: str
    seeds: Sequence[int]
    sentence: str
    compared: Mapping[str, Compared]
    raced: Raced | None = None


def choose(run: Run, judged: Judged) -> Choice:
    """Choose golden seeds by the study's rule: none, with the reason, where the run does not allow it."""
    if run.race is not None:
        return _race(run, judged)
    rule, used = run.study.ranked.rule, decisive(run)
    mute = [reason for name in used if (reason := judged.silent.get(name))]
    if mute and rule != "top":
        return Choice(rule, [], f"No seed can be called golden. {mute[0]}", {})
    barred = _not_by_own_distance(run, judged)
    rules = {"confirmed": _confirmed, "overlap": _overlap, "pareto": _pareto, "top": _top}
    degenerate = DegenerateSeeds(run)
    seeds, sentences = rules[rule](run, judged, barred)
    while found := degenerate(seeds):
        barred = {**barred, **{seed: not_of_degenerate_pictures(seed, reason) for seed, reason in found.items()}}
        seeds, sentences = rules[rule](run, judged, barred)
    if judged.combined:
        sentences.append(of_combined(judged.combined))
    compared = _compared(judged, judged.scores(used[0])) if rule in ("confirmed", "pareto") else {}
    sentences += [worse_by(name, bad) for name in compared if (bad := _worse(judged.scores(name), seeds))]
    return Choice(rule, seeds, " ".join(sentences), compared)


def _race(run: Run, judged: Judged) -> Choice:
    try:
        found = chosen_by_race(run, judged)
    except StatisticsError as reason:
        return Choice(RULE, [], f"No seed can be called golden. {reason}", {})
    return Choice(RULE, found.seeds, found.sentence, found.compared, found.raced)


def _top(run: Run, judged: Judged, barred: Barred) -> tuple[list[int], list[str]]:
    rows, asked = judged.ranking.ranked, run.study.ranked.golden
    if len(rows) <= asked:
        return [], [*verdict(judged.ranking), no_choice(asked, len(rows))]
    return _first(asked, [row.seed for row in rows], barred, [*verdict(judged.ranking), UNTRIED])


def _first(asked: int, seeds: Sequence[int], barred: Barred, sentences: list[str]) -> tuple[list[int], list[str]]:
    """The first seeds that are not barred, and why others are not among them."""
    free = [seed for seed in seeds if seed not in barred][:asked]
    passed_over = seeds[: seeds.index(free[-1])] if free else seeds
    return free, sentences + [barred[seed] for seed in passed_over if seed in barred]


def _overlap(run: Run, judged: Judged, barred: Barred) -> tuple[list[int], list[str]]:
    first, second = (judged.scores(name) for name in decisive(run))
    k = run.study.ranked.golden
    a, b = _on_common_prompts(first, second)
    both = int((a.present & b.present).any(axis=0).sum())
    if k >= both:
        return [], [no_choice(k, both)]
    shuffles = shuffles_of_scores(run.study.ranked.shuffles) or 1
    try:
        found = overlap_rule(a, b, k, first.better or "higher", second.better or "higher", joint_rng(run), shuffles)
    except StatisticsError as reason:  # such as seeds that have no common prompt once both measures are asked for
        return [], [not_together(first.name, second.name, reason)]
    if found.tied is not None:
        return [], [of_ties(first.name if found.tied == "first" else second.name, k)]
    chance = None if run.study.ranked.shuffles == 0 else found.overlap
    words = of_overlap(found.overlap.shared, chance, k, both, first.name, second.name)
    named = first.seeds[list(found.seeds)].tolist()
    return _first(len(named), named, barred, [words, UNTRIED])


def _on_common_prompts(first: Scalar, second: Scalar) -> tuple[Scores, Scores]:
    common = first.measured & second.measured
    return first.scores.only(common[first.measured]), second.scores.only(common[second.measured])


def _confirmed(run: Run, judged: Judged, barred: Barred) -> tuple[list[int], list[str]]:
    score = judged.scores(decisive(run)[0])
    evidence = _evidence(run, score)
    if isinstance(evidence, str):
        return [], [evidence]
    found = confirmed(evidence, run.study.ranked.golden, _indices(score, barred))
    words = of_confirmed(found, evidence, score, run.study.ranked.smallest)
    why_not = [barred[int(score.seeds[place])] for place in found.barred]
    return score.seeds[list(found.seeds)].tolist(), [words, *_not_judged(score), *why_not]


def _pareto(run: Run, judged: Judged, barred: Barred) -> tuple[list[int], list[str]]:
    scores = [judged.scores(name) for name in decisive(run)]
    measures: list[Evidence] = []
    for score in scores:
        evidence = _evidence(run, score)
        if isinstance(evidence, str):
            return [], [evidence]
        measures.append(evidence)
    found = pareto(measures, run.study.ranked.golden, _indices(scores[0], barred))
    words = of_pareto(found, scores, run.study.ranked.smallest)
    ranks = f"Ranks are by {judged.ranking.measure}, which is named first."
    why_not = [barred[int(scores[0].seeds[place])] for place in found.barred]
    few = [sentence for score in scores for sentence in _not_judged(score)]
    return scores[0].seeds[list(found.seeds)].tolist(), [words, *few, *why_not, ranks]


def _evidence(run: Run, score: Scalar) -> Evidence | str:
    """What a rule that confirms goes by, or why there is nothing."""
    if score.held is None or score.better is None:
        return ONE_GROUP
    if score.null is None:
        return NO_SHUFFLES
    if not score.null.judged.any():
        return few_groups(f"by {score.name}", len(score.scores.groups))
    return Evidence(score.null, score.held, score.better, run.study.ranked.smallest * score.sd)


def _not_judged(score: Scalar) -> list[str]:
    few = 0 if score.null is None else int((~np.isnan(score.null.effect) & ~score.null.judged).sum())
    return [not_judged(f"by {score.name}", few)] if few else []


def _not_by_own_distance(run: Run, judged: Judged) -> Barred:
    """Seeds that no rule may choose by what their pictures add to a distance, as that distance itself is against them.

    Chosen by it alone, a seed is to be better than the median seed; by other measures too, no worse.
    """
    alone = run.study.ranked.rule == "confirmed" and isinstance(run.study.ranked.by, str)
    barred: dict[int, str] = {}
    for ranking in judged.own.values():
        for row in ranking.rows:
            against = row.p is None or row.p > OWN_LEVEL if alone else row.effect is None or row.effect > 0
            if against and run.study.ranked.rule != "top":
                barred.setdefault(row.seed, not_by_own_distance(row, ranking, alone=alone))
    return barred


def _indices(score: Scalar, seeds: Iterable[int]) -> list[int]:
    place = {int(seed): i for i, seed in enumerate(score.seeds)}
    return [place[seed] for seed in seeds if seed in place]


def _compared(judged: Judged, by: Scalar) -> dict[str, Compared]:
    """What choosing the best by the halves of a measurement is worth, by every measurement that has a good direction."""
    if by.halves is None or by.better is None:
        return {}
    good = {name: scalar for name, scalar in judged.scalars.items() if scalar.better is not None}
    found = {
        name: compare(additive_fit(one.scores), by.halves, by.better, by.k, far=one.far) for name, one in good.items()
    }
    return {name: one for name, one in found.items() if one is not None}


def _worse(score: Scalar, seeds: Sequence[int]) -> Difference | None:
    """How golden seeds differ from random ones, the mean of those not far off all others, by a measurement, where the interval
    of the difference lies on the bad side."""
    places = np.array([place for place in _indices(score, seeds) if not np.isnan(score.effects.se[place])], np.intp)
    if len(places) == 0 or score.better is None:
        return None
    effect, se, freedom = mean_of(score.effects, places)
    found = difference(effect - float(np.nanmean(score.effects.effect[~score.far])), se, freedom, LEVEL)
    if found.lo is None or found.hi is None:
        return None
    return found if (found.hi < 0 if score.better == "higher" else found.lo > 0) else None
