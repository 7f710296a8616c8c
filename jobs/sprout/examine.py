"""Judge sprout: what share of its pictures shows what the prompt says?

python -m seedscope.jobs.sprout.examine train --minutes 5
python -m seedscope.jobs.sprout.examine judge --pipeline pipeline/sprout/sprout --guidance 3 --num-steps 20
python -m seedscope.jobs.sprout.examine sheet --pipeline pipeline/sprout/sprout --out pipeline/sprout/samples.png
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import COLOURS, OBJECTS, PLACES, ExaminerTask, accuracy_on_renders, load_examiner
from seedscope.jobs.sprout.networks import StableDiffusionPipeline
from seedscope.jobs.sprout.training import Budget, train

EXAMINER = Path("training/examiner")
SCHEDULERS = ("DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler")
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
    """How pictures are drawn."""

    steps: int
    guidance: float
    scheduler: str = "DDIMScheduler"
    batch: int = 32


@dataclass(frozen=True)
class Question:
    """A prompt and what its pictures must show; colour and place None where the prompt leaves them out."""

    prompt: str
    object: str
    colour: str | None = None
    place: str | None = None

    @property
    def held_out(self) -> bool:
        """Whether no training scene combined this object with this colour or place."""
        return any(a is not None and world.held_out(self.object, a) for a in (self.colour, self.place))


def questions() -> list[Question]:
    """Every object bare, in every colour and in every named place, in a fixed order."""
    asked = []
    for name in world.OBJECTS:
        article = "an" if name[0] in "aeiou" else "a"
        asked.append(Question(f"{article} {name}", name))
        asked += [Question(f"a {colour} {name}", name, colour=colour) for colour in world.HUES]
        asked += [Question(f"{article} {name} {where}", name, place=p) for p, where in world.PLACES.items() if where]
    return asked


def load(folder: Path, scheduler: str) -> Any:
    """The pipeline in single precision with a scheduler of diffusers, named by its class."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: Any, cells: list[tuple[str, int]], settings: Settings) -> Iterator[list[world.Pixels]]:
    """Pictures uint8 [64, 64, 3] of (prompt, seed) cells, a batch at a time; every cell has its own generator."""
    for start in range(0, len(cells), settings.batch):
        part = cells[start : start + settings.batch]
        made = pipeline(
            [prompt for prompt, _ in part],
            generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in part],
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            output_type="np",
        ).images
        yield list((made * 255).round().astype(np.uint8))


def judge(folder: Path, examiner_folder: Path, settings: Settings, seeds: int, asked: list[Question]) -> dict[str, Any]:
    """Shares recognised over the questions (the first `seeds` seeds each), and how seeds place the object.

    The colour's and the place's shares count the prompts that name them; `held out` those whose combination no training
    scene had. Centroids are of bare prompts.
    """
    examiner = load_examiner(examiner_folder)
    cells = [(question.prompt, seed) for question in asked for seed in range(seeds)]
    pipeline = load(folder, settings.scheduler)
    found = [examiner.examine(to_tensor(pictures)) for pictures in draw(pipeline, cells, settings)]
    objects = torch.cat([f.objects for f in found]).reshape(len(asked), seeds)
    colours = torch.cat([f.colours for f in found]).reshape(len(asked), seeds)
    places = torch.cat([f.places for f in found]).reshape(len(asked), seeds)
    centroids = torch.cat([f.centroid for f in found]).reshape(len(asked), seeds, 2).numpy()
    right = np.stack([(objects[i] == OBJECTS.index(q.object)).numpy() for i, q in enumerate(asked)])
    coloured = [(colours[i] == COLOURS.index(q.colour)).numpy() for i, q in enumerate(asked) if q.colour]
    placed = [(places[i] == PLACES.index(q.place)).numpy() for i, q in enumerate(asked) if q.place]
    bare = [i for i, q in enumerate(asked) if not q.colour and not q.place]
    return {
        "pictures": len(cells),
        "object": _share(right),
        "object, bare prompt": _share(right[bare]),
        "object, colour named": _share(right[[i for i, q in enumerate(asked) if q.colour]]),
        "object, place named": _share(right[[i for i, q in enumerate(asked) if q.place]]),
        "object, held out": _share(right[[i for i, q in enumerate(asked) if q.held_out]]),
        "colour": _share(coloured),
        "place": _share(placed),
        **centroid_statistics(centroids[bare]),
        "by object": {name: _share(right[[i for i, q in enumerate(asked) if q.object == name]]) for name in OBJECTS},
    }


def _share(right: npt.ArrayLike) -> float | None:
    values = np.asarray(right, dtype=float)
    return round(float(values.mean()), 4) if values.size else None


def centroid_statistics(centroids: npt.NDArray[np.float32]) -> dict[str, float]:
    """How the seed places the object; centroids float [prompts, seeds, 2] in 0..1.

    The variance over seeds within a prompt, against that of the training scenes; and the mean correlation of two
    prompts' centroids over the same seeds.
    """
    scenes = np.array([world.render(i).centroid for i in range(2000)])
    result = {}
    for axis, name in enumerate("xy"):
        values = centroids[:, :, axis]
        share = values.var(axis=1).mean() / scenes[:, axis].var()
        result[f"centroid {name}: variance over seeds / scenes"] = float(share)
        if min(values.shape) > 1:
            table = np.atleast_2d(np.corrcoef(values))
            pairs = table[np.triu_indices(len(table), 1)]
            result[f"centroid {name}: correlation across prompts"] = float(np.nanmean(pairs))
    return {name: round(value, 3) for name, value in result.items()}


def sheet(folder: Path, out: Path, settings: Settings, seeds: int, prompts: tuple[str, ...], zoom: int) -> None:
    """Write a picture of prompts (rows) by seeds (columns)."""
    cells = [(prompt, seed) for prompt in prompts for seed in range(seeds)]
    pictures = [picture for batch in draw(load(folder, settings.scheduler), cells, settings) for picture in batch]
    rows = [np.concatenate(pictures[i : i + seeds], axis=1) for i in range(0, len(pictures), seeds)]
    image = Image.fromarray(np.concatenate(rows))
    out.parent.mkdir(parents=True, exist_ok=True)
    image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST).save(out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train the examiner on renders and print its accuracy on others")
    training.add_argument("--minutes", type=float)
    training.add_argument("--steps", type=int)
    training.add_argument("--workers", type=int, default=2)
    for name, text in (("judge", "print the shares recognised"), ("sheet", "write a sheet of samples")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--pipeline", type=Path, default=Path("pipeline/sprout/sprout"))
        command.add_argument("--guidance", type=float, default=3.0)
        command.add_argument("--num-steps", type=int, default=20, help="denoising steps")
        command.add_argument("--scheduler", choices=SCHEDULERS, default=SCHEDULERS[0])
        command.add_argument("--seeds", type=int, default=8 if name == "sheet" else 4)
        command.add_argument("--threads", type=int, default=2)
    commands.choices["judge"].add_argument("--bare", action="store_true", help="only the prompts of an object alone")
    commands.choices["judge"].add_argument("--limit", type=int, help="about so many of the 480 prompts, evenly spaced")
    commands.choices["sheet"].add_argument("--out", type=Path, required=True)
    commands.choices["sheet"].add_argument("--prompts", nargs="+", default=SHEET_PROMPTS)
    commands.choices["sheet"].add_argument("--zoom", type=int, default=1)
    for command in commands.choices.values():
        command.add_argument("--examiner", type=Path, default=EXAMINER, help="the examiner's training folder")
    return parser


def main() -> None:
    options = _parser().parse_args()
    if options.command == "train":
        train(partial(ExaminerTask, 0), Budget(options.minutes, options.steps), options.examiner, options.workers)
        examiner = load_examiner(options.examiner)
        shares = {"renders": accuracy_on_renders(examiner), "blurred": accuracy_on_renders(examiner, sigma=1.0)}
        print(json.dumps(shares, indent=2))
        return
    torch.set_num_threads(options.threads)
    settings = Settings(options.num_steps, options.guidance, options.scheduler)
    if options.command == "judge":
        asked = [q for q in questions() if not options.bare or (q.colour is None and q.place is None)]
        asked = asked[:: 1 if options.limit is None else max(1, len(asked) // options.limit)]
        print(json.dumps(judge(options.pipeline, options.examiner, settings, options.seeds, asked), indent=2))
    else:
        sheet(options.pipeline, options.out, settings, options.seeds, tuple(options.prompts), options.zoom)


if __name__ == "__main__":
    main()
