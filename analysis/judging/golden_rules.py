"""Which seeds of a run are golden, by the rule of its study, and what that claim is worth on other prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from seedscope.analysis.judging.golden_sentences import (
    ONE_GROUP,
    UNTRIED,
    no_choice,
    of_combined,
    of_confirmed,
    of_overlap,
    of_pareto,
    too_alike,
    worse_by,
)
from seedscope.analysis.judging.judge import Judged, decisive
from seedscope.analysis.run.run import DrawnRun, Run
from seedscope.analysis.seeds.ranking import LEVEL, Ranking
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.analysis.seeds.verdict import verdict
from seedscope.analysis.select.comparison import Compared, Difference, compare
from seedscope.analysis.select.conditions import Component, Conditions, Model, Prompts
from seedscope.analysis.select.confirmed import confirmed
from seedscope.analysis.select.golden import CombinedPart, GoldenSeeds, SeedStanding, Why
from seedscope.analysis.select.overlap import overlap_rule
from seedscope.analysis.select.pareto import ParetoMeasure, pareto
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.models.load import architecture
from seedscope.pipeline.study.schema import fingerprint

FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True)
class Choice:
    """The golden seeds, best first (of the rule `pareto` the clearest first), perhaps none, and what the rule shows.

    compared: measurement with a good direction -> golden and worst seeds less random ones, on prompts that took no part in
    choosing; empty where there are none: prompts of one group, or a rule that chooses on all of them.
    """

    rule: str
    seeds: Sequence[int]
    sentence: str
    compared: Mapping[str, Compared]


def choose(run: Run, judged: Judged) -> Choice:
    """Choose golden seeds by the study's rule: none, with the reason, where the run does not allow it."""
    rule, used = run.study.ranking.rule, decisive(run)
    mute = [reason for name in used if (reason := judged.silent.get(name))]
    if mute and rule != "top":
        return Choice(rule, [], f"No seed can be called golden. {mute[0]}", {})
    rules = {"confirmed": _confirmed, "overlap": _overlap, "pareto": _pareto, "top": _top}
    seeds, sentences = rules[rule](run, judged)
    if judged.combined:
        sentences.append(of_combined(judged.combined))
    compared = _compared(judged, judged.scores(used[0]), seeds) if rule in ("confirmed", "pareto") else {}
    sentences += [worse_by(name, bad) for name in compared if (bad := _worse(judged.scores(name), compared[name]))]
    if rule == "confirmed" and judged.ranking.real_images is not None and (alike := _too_alike(judged.ranking, seeds)):
        sentences.append(too_alike(alike, judged.ranking))
    return Choice(rule, seeds, " ".join(sentences), compared)


def _top(run: Run, judged: Judged) -> tuple[list[int], list[str]]:
    rows = judged.ranking.ranked
    if len(rows) <= run.study.ranking.golden:
        return [], [*verdict(judged.ranking), no_choice(run.study.ranking.golden, len(rows))]
    return [row.seed for row in rows[: run.study.ranking.golden]], [*verdict(judged.ranking), UNTRIED]


def _overlap(run: Run, judged: Judged) -> tuple[list[int], list[str]]:
    first, second = (judged.scores(name) for name in decisive(run))
    k = min(run.study.ranking.golden, first.k, second.k)
    if k == len(first.seeds):
        return [], [no_choice(run.study.ranking.golden, k)]
    found = overlap_rule(
        first.effects.effect, second.effects.effect, k, first.better or "higher", second.better or "higher"
    )
    words = of_overlap(found, len(first.seeds), first.name, second.name)
    return first.seeds[list(found.seeds)].tolist(), [words, UNTRIED]


def _confirmed(run: Run, judged: Judged) -> tuple[list[int], list[str]]:
    score = judged.scores(decisive(run)[0])
    if score.parts is None or score.on is None or score.better is None:
        return [], [ONE_GROUP]
    found = confirmed(*score.parts, score.better, FALSE_DISCOVERIES, LEVEL, most=run.study.ranking.golden)
    words = of_confirmed(found, score.name, int(score.on.sum()), int((~score.on).sum()))
    return score.seeds[list(found.seeds)].tolist(), [words]


def _pareto(run: Run, judged: Judged) -> tuple[list[int], list[str]]:
    scores = [judged.scores(name) for name in decisive(run)]
    measures = [
        ParetoMeasure(*score.parts, score.better)
        for score in scores
        if score.parts is not None and score.better is not None
    ]
    on = scores[0].on
    if len(measures) < len(scores) or on is None:
        return [], [ONE_GROUP]
    found = pareto(measures, FALSE_DISCOVERIES, LEVEL, most=run.study.ranking.golden)
    words = of_pareto(found, [score.name for score in scores], int(on.sum()), int((~on).sum()))
    ranks = f"Ranks are by {judged.ranking.measure}, which is named first."
    return scores[0].seeds[list(found.seeds)].tolist(), [words, ranks]


def _compared(judged: Judged, score: Scalar, seeds: Sequence[int]) -> dict[str, Compared]:
    """Golden and worst seeds against random ones, by every measurement that has a good direction."""
    if score.parts is None or score.on is None or score.better is None:
        return {}
    effect = sign(score.better) * score.parts[0].effect
    worst = np.argsort(np.where(np.isnan(effect), np.inf, effect), kind="stable")[: score.k]
    names = [int(seed) for seed in score.seeds[worst]]
    found = {}
    for name, other in judged.scalars.items():
        if other.better is not None and other.on is not None:
            compared = compare(other.scores, ~other.on, _places(other, seeds), _places(other, names))
            if compared is not None:
                found[name] = compared
    return found


def _worse(score: Scalar, compared: Compared) -> Difference | None:
    """How the golden seeds differ from random ones by a measurement, where its interval lies on the bad side."""
    found = compared.chosen
    if found is None or found.lo is None or found.hi is None or score.better is None:
        return None
    bad = found.hi < 0 if score.better == "higher" else found.lo > 0
    return found if bad else None


def _too_alike(ranking: Ranking, seeds: Sequence[int]) -> list[int]:
    """Those of some seeds whose distance is not shown to be smaller than that of the mean seed."""
    most = {row.seed: row.effect_hi for row in ranking.rows}
    return [seed for seed in seeds if (hi := most[seed]) is not None and hi >= 0]


def _places(score: Scalar, seeds: Sequence[int]) -> npt.NDArray[np.intp]:
    place = {int(seed): i for i, seed in enumerate(score.seeds)}
    return np.array([place[seed] for seed in seeds], np.intp)


def _value(score: Scalar, seed: int) -> float | None:
    value = float(score.values[_places(score, [seed])[0]])
    return value if isfinite(value) else None


def golden_seeds(run: DrawnRun, judged: Judged, choice: Choice) -> GoldenSeeds:
    """The golden list: the chosen seeds, why these, the conditions under which they hold, and how their noise is drawn."""
    ranking = judged.ranking
    rows = {row.seed: row for row in ranking.rows}
    others = [judged.scores(name) for name in decisive(run)[1:]] if choice.seeds else []
    why = Why(
        rule=choice.rule,
        measure=ranking.measure,
        better=ranking.better,
        parts=[CombinedPart(**asdict(part)) for part in judged.combined],
        k=run.study.ranking.golden,
        ranked=ranking.table.num_rows,
        coverage=LEVEL,
        sentence=choice.sentence,
        standings=[
            SeedStanding(
                seed=seed,
                rank=rows[seed].rank,
                value=rows[seed].value,
                interval=rows[seed].interval,
                n=rows[seed].n,
                others={other.name: _value(other, seed) for other in others},
            )
            for seed in choice.seeds
        ],
    )
    return GoldenSeeds(
        seeds=list(choice.seeds),
        why=why,
        conditions=_conditions(run),
        noise=NoiseContract.of(choice.seeds or run.wanted.seeds, run.located.latent_shape(run.study.sampling)),
    )


def _conditions(run: DrawnRun) -> Conditions:
    study, located = run.study, run.located
    kind, unet, scheduler = architecture(located, study.sampling)
    identity = located.identity if isinstance(located.identity, dict) else {}
    height, width = located.size(study.sampling)
    guidance = study.sampling.guidance
    return Conditions(
        model=Model(
            id=study.model.id,
            revision=identity.get("commit"),
            weights=identity.get("weights"),
            family=located.family.name,
            pipeline=kind,
            unet=Component.of(unet),
        ),
        scheduler=Component.of(scheduler),
        steps=study.sampling.steps,
        guidance_scale=guidance.scale,
        negative_prompt=guidance.negative_prompt,
        negative_scale=guidance.negative_scale,
        negative_from=guidance.negative_from,
        height=height,
        width=width,
        dtype=study.compute.dtype,
        prompts=Prompts(
            count=len(run.wanted.prompts), sha256=fingerprint([prompt.id for prompt in run.wanted.prompts])
        ),
    )
