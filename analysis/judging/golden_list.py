"""The golden list of a run: the chosen seeds, why these, the conditions under which they hold, and how their noise is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache, cached

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.golden_rules import Choice
from seedscope.analysis.judging.judge import Judged, decisive
from seedscope.analysis.judging.race.choice import RULE
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.run.sampled_pictures import pictures_of
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.select.canary import Canary
from seedscope.analysis.select.component import Component
from seedscope.analysis.select.conditions import Conditions, Prompts
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.analysis.select.model import Model, Named, model_of
from seedscope.analysis.select.told import Told, told
from seedscope.analysis.select.why import CombinedPart, SeedStanding, Why
from seedscope.pipeline.drawing.noise import NoiseContract, recipe_of
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.attention import OWN, attends_with
from seedscope.pipeline.models.load import architecture, stock_pipeline
from seedscope.pipeline.models.prepared import set_autoencoder
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.networks.likeness import cause_of
from seedscope.pipeline.study.schema import Json, fingerprint

CANARY_PROMPTS = 16
"""Prompts among which one is looked for that every golden seed has a picture of."""


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
        k=run.study.ranked.golden,
        ranked=ranking.table.num_rows,
        coverage=LEVEL,
        sentence=choice.sentence,
        race=choice.raced,
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
        conditions=conditions_of(run),
        noise=noise_of(run, choice.seeds),
        canary_pictures=_canary(run, choice.seeds),
    )


def no_golden_seeds(run: DrawnRun, measure: str, better: Better, sentence: str) -> GoldenSeeds:
    """The empty list of a sweep that stopped before its end."""
    k, ranked = run.study.ranked.golden, len(run.wanted.seeds)
    why = Why(rule=RULE, measure=measure, better=better, k=k, ranked=ranked, sentence=sentence, standings=[])
    return GoldenSeeds(seeds=[], why=why, conditions=conditions_of(run), noise=noise_of(run, []))


def noise_of(run: DrawnRun, seeds: Sequence[int]) -> NoiseContract | None:
    """How the noise of these seeds is drawn, or of the run's first of all, and what the pipeline does with it; None where the
    model draws it itself."""
    recipe = recipe_of(run.study, run.located)
    if recipe is None:
        return None
    loaded = _loaded(run)
    here = loaded.told
    return NoiseContract.of(
        seeds or run.wanted.seeds[:1],
        recipe,
        len(seeds) or 1,
        form=loaded.form,
        cast_to=None if here is None else here.cast_to,
        embedding=None if here is None else here.embedding,
        shift=None if here is None else here.shift,
    )


def _canary(run: DrawnRun, seeds: Sequence[int]) -> Canary | None:
    """Of the first prompt that every golden seed has a picture of; none where more than a prompt and noise is drawn from."""
    if not seeds or not run.task.stock_call or run.study.sampling.guidance.acting_similarity is not None:
        return None
    texts = {prompt.id: prompt.text for prompt in run.wanted.prompts[:CANARY_PROMPTS]}
    pictures = pictures_of(run, seeds, texts)
    for prompt_id, text in texts.items():
        found = {seed: pictures.get((seed, prompt_id)) for seed in seeds}
        whole = {seed: np.asarray(picture) for seed, picture in found.items() if picture is not None}
        if len(whole) == len(found):
            return Canary.of(text, whole, run.study.compute.dtype)
    return None


def conditions_of(run: DrawnRun) -> Conditions:
    """What was drawn, with which model, how."""
    study, located = run.study, run.located
    loaded = _loaded(run)
    height, width = located.size(study.sampling)
    guidance = study.sampling.guidance
    similarity = guidance.acting_similarity
    return Conditions(
        model=loaded.model,
        scheduler=loaded.scheduler,
        steps=study.sampling.steps,
        guidance_scale=guidance.scale,
        negative_prompt=guidance.negative_prompt,
        negative_scale=guidance.negative_scale,
        negative_from=guidance.negative_from,
        empty=guidance.empty,
        similarity=None if similarity is None else cause_of(similarity),
        height=height,
        width=width,
        dtype=study.compute.dtype,
        call=study.sampling.arguments,
        long_prompts=study.sampling.long_prompts,
        weighted_prompts=study.sampling.weighted_prompts,
        attention=(study.compute.attention or OWN) if loaded.attends else None,
        prompts=Prompts(
            count=len(run.wanted.prompts), sha256=fingerprint([prompt.id for prompt in run.wanted.prompts])
        ),
        task=None if run.task.stock_call else study.task_name,
    )


class _Loaded(NamedTuple):
    """model, scheduler: as they are once loaded. form: in which a call takes noise. attends: with a backend that can be chosen.
    told: None of what could not be loaded."""

    model: Model
    scheduler: Component
    form: str
    attends: bool
    told: Told | None


def _made_from(run: DrawnRun) -> str:
    """What the description of a model depends on: the study, and which files lie in the model's folder."""
    study, located = run.study, run.located
    files = [(path, path.stat()) for path in sorted(located.folder.rglob("*")) if path.is_file()]
    stamps: list[Json] = [[str(path), stat.st_size, stat.st_mtime_ns] for path, stat in files]
    said: list[Json] = [
        study.model.model_dump(mode="json"),
        study.sampling.said(),
        study.compute.dtype,
        located.pipeline,
        located.identity,
        study.compute.said(),
        run.wanted.prompts[0].text,
    ]
    return fingerprint([stamps, said])


@cached(LRUCache(maxsize=4), key=_made_from)
def _loaded(run: DrawnRun) -> _Loaded:
    """The model and the scheduler of a run as they are once loaded, on the CPU, and what they make of its first prompt.

    Where its weights cannot be loaded on this machine, as of a hub's model that only the workers have, it is described by
    its configuration alone, without digests.
    """
    study, located = run.study, run.located
    identity = located.identity if isinstance(located.identity, dict) else {}
    commit = identity.get("commit")
    named = Named(
        id=study.model.name,
        revision=None if commit is None else str(commit),
        weights=_weights(identity),
        family=located.family.name,
    )
    form = located.family.form if isinstance(located.family, StockFamily) else "as drawn"
    try:
        # Adapters are described as they are beside the weights; a pipeline into which they are fused is told by both.
        pipe = stock_pipeline(located, study.model.variant, study.sampling, study.compute, download=False, fuse=False)
        set_autoencoder(pipe, study.compute)
    except ModelError:
        kind, network, scheduler = architecture(located, study.sampling)
        part = located.family.network
        model = Model(**named, pipeline=kind, network=part, denoiser=Component.of(network))
        return _Loaded(model, Component.of(scheduler), form, attends_with(network) is not None, None)
    height, width = located.size(study.sampling)
    sampling = study.sampling.model_copy(update={"height": height, "width": width})
    attends = attends_with(pipe.components[located.family.network]) is not None
    described = _Loaded(model_of(pipe, named, study.compute.dtype), Component.of(pipe.scheduler), form, attends, None)
    shape = located.geometry.latent_shape(height, width)
    if shape is None:
        return described
    drawer = located.family.drawer(pipe, "cpu", sampling, study.compute.model_copy(update={"compile": False}))
    return described._replace(told=told(drawer, pipe, run.wanted.prompts[0].text, sampling, shape))


def _weights(identity: dict[str, Json]) -> dict[str, str] | None:
    """File -> sha256, of the folder's and of a single file; none of a hub's."""
    hashes = identity.get("weights")
    found = {file: str(sha256) for file, sha256 in hashes.items()} if isinstance(hashes, dict) else {}
    if isinstance(single := identity.get("file"), str):
        found["file"] = single
    return found or None


def _value(score: Scalar, seed: int) -> float | None:
    value = float(score.values[score.seeds.tolist().index(seed)])
    return value if isfinite(value) else None
