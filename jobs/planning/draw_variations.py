"""Variations of a run's seeds: which are drawn, and how their noise is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.draw_changed import Change
from seedscope.pipeline.drawing.noise import recipe_of
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.noise import Variation

STRENGTHS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def variations_of(run: DrawnRun, prompts: int, strengths: Sequence[float] = STRENGTHS) -> list[list[Change]]:
    """Of each prompt the noise of the seeds themselves, then at each strength on the way to the prompt's variation seed.

    Raises:
        UserError: the study has a variation already, or the model draws its noise itself.
    """
    if run.study.noise.variation is not None:
        raise UserError(
            "noise.variation: the study's noise is varied already. Take the key out to see how its seeds bear it."
        )
    if (noise := recipe_of(run.study, run.located)) is None:
        raise UserError(f"A {run.located.pipeline} draws its noise itself, so that it cannot be varied.")
    return [
        [Change(noise)]
        + [Change(replace(noise, variation=Variation(seed=end, strength=strength))) for strength in strengths]
        for end in variation_seeds(run.wanted.seeds, prompts)
    ]


def variation_seeds(seeds: Sequence[int], count: int) -> list[int]:
    """So many seeds beside those of the study, the same for the same study: the least that are none of it."""
    taken = {seed % 2**32 for seed in seeds}
    found: list[int] = []
    candidate = 0
    while len(found) < count:
        if candidate not in taken:
            found.append(candidate)
        candidate += 1
    return found
