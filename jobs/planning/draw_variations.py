"""Variations of a run's seeds, drawn for some of its prompts, and what an embedding makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Measurer
from seedscope.analysis.features.embedding import Embedding
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.noise import Recipe, recipe_of
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.models.device import gpu_memory_ran_out
from seedscope.pipeline.study.noise import Variation
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt

STRENGTHS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
DEFAULT = "style_efficientnet_lite0"


@dataclass(frozen=True, eq=False)
class Drawn:
    """Variations of S seeds on P prompts at T strengths.

    vectors: (T + 1, P, S, D) float32, the seeds' own pictures first; NaN of a cell that failed. pictures: (T + 1) lists of S,
    of the first prompt; None of a cell that failed.
    """

    seeds: Sequence[int]
    prompts: Sequence[Prompt]
    vectors: npt.NDArray[np.float32]
    pictures: Sequence[Sequence[Pixels | None]]


def embedding_named(run: DrawnRun, by: str | None) -> Embedding:
    """The feature that says how far pictures are apart, as the study has it, or at its defaults.

    Raises:
        UserError: it gives no vector of a picture, or there is none of that name.
    """
    name = by or DEFAULT
    found = next((item for item in run.measured if item.name == name), None) or feature(name)
    if not isinstance(found, Embedding):
        raise UserError(
            f"--by {name}: gives no vector of a picture; such features are {DEFAULT} and fd_efficientnet_lite0."
        )
    return found


def draw_variations(
    run: DrawnRun,
    embedding: Embedding,
    seeds: Sequence[int],
    prompts: Sequence[Prompt],
    strengths: Sequence[float] = STRENGTHS,
    told: Callable[[int], object] = lambda _: None,
) -> Drawn:
    """Draw each prompt with each seed, and with its noise at each strength on the way to the prompt's variation seed.

    Args:
        told: is called with the number of pictures, after each batch.

    Raises:
        UserError: the study has a variation already, the model draws its noise itself, or a batch does not fit into the
            GPU's memory.
    """
    if run.study.noise.variation is not None:
        raise UserError(
            "noise.variation: the study's noise is varied already. Take the key out to see how its seeds bear it."
        )
    if (noise := recipe_of(run.study, run.located)) is None:
        raise UserError(f"A {run.located.pipeline} draws its noise itself, so that it cannot be varied.")
    drawing = Drawing(run.study, run.located, run.task)
    measurer = embedding.load(drawing.model.device)
    ends = variation_seeds(run.wanted.seeds, len(prompts))
    vectors = np.full((len(strengths) + 1, len(prompts), len(seeds), embedding.dimensions), np.nan, np.float32)
    pictures: list[list[Pixels | None]] = []
    for place, (prompt, end) in enumerate(zip(prompts, ends, strict=True)):
        for step, strength in enumerate((0.0, *strengths)):
            variation = Variation(seed=end, strength=strength) if strength else None
            how = replace(noise, variation=variation)
            drawn = _draw(drawing, run.study.compute.batch_size, prompt, seeds, how, told)
            there = [number for number, picture in enumerate(drawn) if picture is not None]
            if there:
                vectors[step, place, there] = _vectors(measurer, embedding.name, drawn, prompt.text)
            if place == 0:
                pictures.append(drawn)
    return Drawn(seeds, prompts, vectors, pictures)


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


def some_prompts(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """At most so many, evenly spaced, so that they are of many groups."""
    places = np.linspace(0, len(prompts) - 1, min(count, len(prompts))).round().astype(int)
    return [prompts[place] for place in places]


def _draw(
    drawing: Drawing, batch_size: int, prompt: Prompt, seeds: Sequence[int], how: Recipe, told: Callable[[int], object]
) -> list[Pixels | None]:
    unit = Unit.crossed("variations", (prompt,), tuple(seeds))
    drawing.begin(unit, how)
    cells, found = list(unit.cells), list[Pixels | None]()
    for start in range(0, len(cells), batch_size):
        batch = cells[start : start + batch_size]
        try:
            pixels, finite = drawing.draw(batch)
        except Exception as error:
            if not gpu_memory_ran_out(error):
                raise
            raise UserError(
                f"compute.batch_size: {len(batch)} pictures at once do not fit into this GPU's memory. Set it lower."
            ) from None
        found += [picture if good else None for picture, good in zip(pixels.numpy(), finite, strict=True)]
        told(len(batch))
    return found


def _vectors(measurer: Measurer, name: str, drawn: Sequence[Pixels | None], text: str) -> npt.NDArray[np.float32]:
    pixels = np.stack([picture for picture in drawn if picture is not None])
    column = measurer.compute(pixels, [text] * len(pixels))[name]
    values: npt.NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False).reshape(len(pixels), -1)
    return values
