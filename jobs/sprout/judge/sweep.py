"""Whether sprout does as well under other samplers, step counts, guidance scales, and what a negative prompt does."""

from pathlib import Path

import torch

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import PLACES, Examiner
from seedscope.jobs.sprout.judge.judge_pictures import SCHEDULERS, Settings, draw, figures, load, questions

EVERY = 8  # one question in so many
WAYS = ((10, 3.0), (20, 1.0), (20, 3.0), (20, 8.0), (50, 3.0))  # (steps, guidance)


def samplers(folder: Path, examiner: Examiner) -> dict[str, float]:
    """Share of 60 pictures with the named object recognised, for each sampler, number of steps and guidance."""
    asked = [question for question in questions() if not question.bare][::EVERY]
    recognised = {}
    for scheduler in SCHEDULERS:
        pipeline = load(folder, scheduler)
        for steps, guidance in WAYS:
            shares = figures(pipeline, examiner, Settings(steps, guidance), asked)
            name = scheduler.removesuffix("Scheduler")
            recognised[f"{name}, {steps} steps, guidance {guidance:g}"] = shares["named object"]
    return recognised


def negative_prompts(folder: Path, examiner: Examiner) -> dict[str, float]:
    """Share of bare prompts' pictures that stand in a place, without and with a negative prompt that names it.

    The mean over the places that have a name; 20 steps, guidance 3, the same seeds.
    """
    asked = [question for question in questions() if question.bare]
    pipeline, settings = load(folder), Settings(20, 3.0)
    cells = [(question.prompt, seed) for seed, question in enumerate(asked)]
    named = [(place, where) for place, where in world.PLACES.items() if where]
    plain = examiner.examine(to_tensor(list(draw(pipeline, cells, settings)))).places
    without, against = [], []
    for place, where in named:
        negative = [f"{prompt} {where}" for prompt, _ in cells]
        avoided = examiner.examine(to_tensor(list(draw(pipeline, cells, settings, negative)))).places
        without.append((plain == PLACES.index(place)).float().mean())
        against.append((avoided == PLACES.index(place)).float().mean())
    return {
        "in a place, no negative prompt": float(torch.stack(without).mean()),
        "in a place, a negative prompt against it": float(torch.stack(against).mean()),
    }
