"""What share of a text-to-image model's pictures shows what the prompt says, and what its seeds decide.

Pictures come from the stock pipeline, the verdict from the examiner. Every object is asked for bare, in every colour
and in every named place; held-out combinations of the world are among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import COLOURS, OBJECTS, PLACES, Examiner
from seedscope.jobs.sprout.networks import StableDiffusionPipeline

SCHEDULERS = ("DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler")
BARE_SEEDS = 16  # every bare prompt is drawn with the seeds 0 to 15, question i of the others with seed i
BATCH = 32
SHEET_PROMPTS = (
    "a red apple",
    "a cat on grass",
    "a rocket at night",
    "a blue car",
    "a black and white house",
    "a large pizza on sand",
    "a guitar with text",
    "a penguin with a border",
)


@dataclass(frozen=True)
class Settings:
    """How pictures are drawn; a scheduler of diffusers by its class, None for the model's own."""

    steps: int
    guidance: float
    scheduler: str | None = None


@dataclass(frozen=True)
class Question:
    """A prompt and what its pictures must show; colour and place None where the prompt leaves them out."""

    prompt: str
    object: str
    colour: str | None = None
    place: str | None = None

    @property
    def bare(self) -> bool:
        """Whether the prompt names the object alone."""
        return self.colour is None and self.place is None

    @property
    def held_out(self) -> bool:
        """Whether no training scene combined this object with this colour or place."""
        return any(a is not None and world.held_out(self.object, a) for a in (self.colour, self.place))


def questions() -> list[Question]:
    """Every object bare, in every colour and in every named place, in a fixed order: 480."""
    asked = []
    for name in world.OBJECTS:
        article = "an" if name[0] in "aeiou" else "a"
        asked.append(Question(f"{article} {name}", name))
        asked += [Question(f"a {colour} {name}", name, colour=colour) for colour in world.HUES]
        asked += [Question(f"{article} {name} {where}", name, place=p) for p, where in world.PLACES.items() if where]
    return asked


def load(folder: Path, scheduler: str | None = None) -> Any:
    """The pipeline in single precision, with a scheduler of diffusers where one is named."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    if scheduler is not None:
        pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(
    pipeline: Any, cells: Sequence[tuple[str, int]], settings: Settings, negative: Sequence[str] | None = None
) -> Iterator[world.Pixels]:
    """Pictures uint8 [64, 64, 3] of (prompt, seed) cells; every cell has its own generator.

    negative: a negative prompt a cell.
    """
    for start in range(0, len(cells), BATCH):
        part = cells[start : start + BATCH]
        made = pipeline(
            [prompt for prompt, _ in part],
            negative_prompt=None if negative is None else list(negative[start : start + BATCH]),
            generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in part],
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            output_type="np",
        ).images
        yield from (made * 255).round().astype(np.uint8)


def figures(pipeline: Any, examiner: Examiner, settings: Settings, asked: list[Question]) -> dict[str, float]:
    """Shares recognised, in 0..1, each question counting once, and how seeds place the object of bare prompts.

    The colour's and the place's shares count the prompts that name them; "held out" those whose combination no training
    scene had. NaN where no question asks; nothing of centroids where no question is bare.
    """
    seeds = [range(BARE_SEEDS) if question.bare else range(i, i + 1) for i, question in enumerate(asked)]
    cells = [(question.prompt, seed) for question, own in zip(asked, seeds, strict=True) for seed in own]
    found = examiner.examine(to_tensor(list(draw(pipeline, cells, settings))))
    ends = np.cumsum([len(own) for own in seeds])[:-1]
    objects, colours, places, centroids = (
        np.split(part.numpy(), ends) for part in (found.objects, found.colours, found.places, found.centroid)
    )
    right = np.array([(objects[i] == OBJECTS.index(q.object)).mean() for i, q in enumerate(asked)])
    coloured = [(colours[i] == COLOURS.index(q.colour)).mean() for i, q in enumerate(asked) if q.colour]
    placed = [(places[i] == PLACES.index(q.place)).mean() for i, q in enumerate(asked) if q.place]
    return {
        "named object": _mean(right),
        "named object, bare prompt": _mean(right[[q.bare for q in asked]]),
        "named object, colour named": _mean(right[[q.colour is not None for q in asked]]),
        "named object, place named": _mean(right[[q.place is not None for q in asked]]),
        "named object, held-out combination": _mean(right[[q.held_out for q in asked]]),
        "named colour": _mean(coloured),
        "named place": _mean(placed),
        **(
            centroid_statistics(np.stack(bare))
            if (bare := [centroids[i] for i, q in enumerate(asked) if q.bare])
            else {}
        ),
    }


def _mean(shares: npt.ArrayLike) -> float:
    values = np.asarray(shares, dtype=float)
    return float(values.mean()) if values.size else float("nan")


def centroid_statistics(centroids: npt.NDArray[np.float32]) -> dict[str, float]:
    """How the seed places the object; centroids float [prompts, seeds, 2] in 0..1.

    The unbiased variance over seeds within a prompt, against that of the training scenes; and the mean correlation of
    two prompts' centroids over the same seeds.
    """
    scenes = np.array([world.render(seed, training=True).centroid for seed in range(4000)])
    result = {}
    for axis, name in enumerate("xy"):
        values = centroids[:, :, axis]
        result[f"centroid {name}, variance"] = float(values.var(axis=1, ddof=1).mean() / scenes[:, axis].var(ddof=1))
        table = np.atleast_2d(np.corrcoef(values))
        result[f"centroid {name}, correlation"] = _mean(table[np.triu_indices(len(table), 1)])
    return result


def sheet(pictures: Sequence[world.Pixels], columns: int, zoom: int = 1) -> Image.Image:
    """Pictures in rows of `columns`, each pixel enlarged to `zoom` x `zoom`."""
    rows = [np.concatenate(pictures[i : i + columns], axis=1) for i in range(0, len(pictures), columns)]
    image = Image.fromarray(np.concatenate(rows))
    return image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)


def sheet_of(pipeline: Any, settings: Settings, prompts: Sequence[str] = SHEET_PROMPTS, seeds: int = 8) -> Image.Image:
    """Prompts (rows) by the seeds 0, 1, ... (columns)."""
    return sheet(list(draw(pipeline, [(prompt, seed) for prompt in prompts for seed in range(seeds)], settings)), seeds)
