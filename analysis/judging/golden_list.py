"""The golden list of a run: the chosen seeds, why these, the conditions under which they hold, and how their noise is drawn."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite

from seedscope.analysis.judging.golden_rules import Choice
from seedscope.analysis.judging.judge import Judged, decisive
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.select.conditions import Component, Conditions, Model, Prompts
from seedscope.analysis.select.golden import CombinedPart, GoldenSeeds, SeedStanding, Why
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.models.load import architecture
from seedscope.pipeline.study.schema import fingerprint


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


def _value(score: Scalar, seed: int) -> float | None:
    value = float(score.values[score.seeds.tolist().index(seed)])
    return value if isfinite(value) else None
