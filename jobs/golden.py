"""Which seeds of a run are golden, by the rule of its study, and what that claim is worth on other prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.report.verdict import verdict
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.seeds.scalar import Scalar
from seedscope.analysis.seeds.scores import sign
from seedscope.analysis.select.comparison import Compared, compare
from seedscope.analysis.select.conditions import Component, Conditions, Model, Prompts
from seedscope.analysis.select.confirmed import Confirmed, confirmed
from seedscope.analysis.select.golden import GoldenSeeds, Standing, Why
from seedscope.analysis.select.overlap import overlap_rule
from seedscope.jobs.job import DrawnJob, Job
from seedscope.jobs.seeds import Judged, quality
from seedscope.pipeline.models import architecture
from seedscope.pipeline.noise import NoiseContract
from seedscope.pipeline.study import fingerprint

FALSE_DISCOVERIES = 0.05  # as the sentences say
UNTRIED = "The list has not been tried on prompts that took no part in choosing it."


@dataclass(frozen=True)
class Choice:
    """The golden seeds, best first, perhaps none, and what the rule shows.

    compared: measurement with a good direction -> golden and worst seeds less random ones, on prompts that took no part in
    choosing; empty where there are none: prompts of one group, or a rule that chooses on all of them.
    """

    rule: str
    seeds: Sequence[int]
    sentence: str
    compared: Mapping[str, Compared]


def choose(job: Job, judged: Judged) -> Choice:
    """Choose golden seeds by the study's rule: none, with the reason, where the run does not allow it."""
    settings = job.study.ranking
    used = [job.measured_as(name) for name in (settings.by, settings.second) if name is not None]
    if mute := [reason for item in used if (reason := judged.silent.get(quality(item)))]:
        seeds, sentences = (
            _top(job, judged) if settings.rule == "top" else ([], [f"No seed can be called golden. {mute[0]}"])
        )
        return Choice(settings.rule, seeds, " ".join(sentences), {})
    seeds, sentences = {"confirmed": _confirmed, "overlap": _overlap, "top": _top}[settings.rule](job, judged)
    compared = _compared(judged, judged.scores(used[0]), seeds) if settings.rule == "confirmed" else {}
    return Choice(settings.rule, seeds, " ".join(sentences), compared)


def _top(job: Job, judged: Judged) -> tuple[list[int], list[str]]:
    rows = [row for row in judged.ranking.table.to_pylist() if row["rank"] is not None]
    return [row["seed"] for row in rows[: job.study.ranking.golden]], [*verdict(judged.ranking), UNTRIED]


def _overlap(job: Job, judged: Judged) -> tuple[list[int], list[str]]:
    settings = job.study.ranking
    first = judged.scores(job.measured_as(settings.by))
    second = judged.scores(job.measured_as(str(settings.second)))
    k = min(settings.golden, first.k, second.k)
    found = overlap_rule(
        first.effects.effect, second.effects.effect, k, first.better or "higher", second.better or "higher"
    )
    low, high = found.overlap.chance
    return first.seeds[list(found.seeds)].tolist(), [
        f"{found.overlap.shared} seeds are in the top {k} of {len(first.seeds)} by {first.name} and by {second.name}; two "
        f"rankings that have nothing to do with each other share {found.overlap.expected:.1f} on average ({low} to {high}; "
        f"p = {found.overlap.p:.2g}).",
        UNTRIED,
    ]


def _confirmed(job: Job, judged: Judged) -> tuple[list[int], list[str]]:
    settings = job.study.ranking
    score = judged.scores(job.measured_as(settings.by))
    if score.parts is None or score.on is None or score.better is None:
        return [], [
            "No seed can be called golden: seeds are ranked on one part of the prompts and confirmed on the other, and all of "
            "them are of one group here. Give prompts of at least two groups (objects of a grid, `group` of a file), or say "
            "`rule: top`."
        ]
    found = confirmed(*score.parts, score.better, FALSE_DISCOVERIES, LEVEL, most=settings.golden)
    seeds = score.seeds[list(found.seeds)].tolist()
    return seeds, [_what_was_found(found, score, int(score.on.sum()), int((~score.on).sum()))]


def _what_was_found(found: Confirmed, score: Scalar, ranking: int, confirming: int) -> str:
    tested = f"of {found.tested} seeds"
    better = f"better than average on {ranking} prompts by {score.name}, at a false discovery rate of 5 %"
    if not found.passed:
        return f"No seed is better than chance here: {tested}, none is {better}."
    chosen = len(found.candidates)
    best = "" if chosen == found.passed else f"; the {chosen} best are taken"
    seem = f"{found.passed} {tested} {'is' if found.passed == 1 else 'are'} {better}{best}"
    if found.advantage is None:
        return f"No seed is confirmed: {seem}, but {confirming} other prompts are too few to judge by."
    gain = found.advantage
    judged = (
        f"On {confirming} other prompts the advantage over random seeds is {gain.mean:.3g} "
        f"({gain.lo:.3g} to {gain.hi:.3g}, 95 %; p = {gain.p:.2g})"
    )
    if not found.seeds:
        return f"No seed is better than chance here: {seem}. {judged}, which chance can explain."
    return f"{seem}. {judged}: confirmed."


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


def _places(score: Scalar, seeds: Sequence[int]) -> npt.NDArray[np.intp]:
    place = {int(seed): i for i, seed in enumerate(score.seeds)}
    return np.array([place[seed] for seed in seeds], np.intp)


def golden_seeds(job: DrawnJob, judged: Judged, choice: Choice) -> GoldenSeeds:
    """The golden list: the chosen seeds, why these, the conditions under which they hold, and how their noise is drawn."""
    ranking = judged.ranking
    rows = {row["seed"]: row for row in ranking.table.to_pylist()}
    why = Why(
        rule=choice.rule,
        measure=ranking.measure,
        better=ranking.better,
        k=job.study.ranking.golden,
        ranked=ranking.table.num_rows,
        coverage=LEVEL,
        sentence=choice.sentence,
        standings=[
            Standing(
                seed=seed,
                rank=rows[seed]["rank"],
                value=rows[seed][ranking.measure],
                interval=ranking.interval(rows[seed]),
                n=rows[seed]["n"],
            )
            for seed in choice.seeds
        ],
    )
    return GoldenSeeds(
        seeds=list(choice.seeds),
        why=why,
        conditions=_conditions(job),
        noise=NoiseContract.of(choice.seeds or job.wanted.seeds, job.located.latent_shape(job.study.sampling)),
    )


def _conditions(job: DrawnJob) -> Conditions:
    study, located = job.study, job.located
    kind, unet, scheduler = architecture(located, study.sampling)
    identity = located.identity if isinstance(located.identity, dict) else {}
    height, width = located.size(study.sampling)
    guidance = study.sampling.guidance
    return Conditions(
        model=Model(
            id=study.model.id,
            revision=identity.get("commit"),
            weights=identity.get("weights"),
            family=located.family,
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
            count=len(job.wanted.prompts), sha256=fingerprint([prompt.id for prompt in job.wanted.prompts])
        ),
    )
