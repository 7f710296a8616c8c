"""The examiner: a small classifier that says what a 64 x 64 picture of sprout's world shows.

    python -m seedscope.jobs.sprout.examiner --steps 4000

It is trained on renders alone, sharp and blurred, and shares nothing with the models that it judges.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, load_means, step_generator, train

WEIGHTS = Path(__file__).parent / "judge" / "examiner.safetensors"
OBJECTS = tuple(world.OBJECTS)
NOTHING = len(OBJECTS)  # stands for no object at all
COLOURS = ("own", *world.HUES)
PLACES = tuple(world.PLACES)
FLAGS = ("greyscale", "border", "text")
FIRST_SCENE = 1 << 39
FIRST_HELD_OUT = world.REFERENCE_SEEDS + (1 << 20)
BATCH = 64
EMPTY_EVERY = 16  # of the scenes that it learns from, one in so many has no object
UNKNOWN = -100  # cross-entropy's mark for rows without a label
RECIPE = Recipe(peak_rate=2e-3, hold=0.2, weight_decay=0.02)


@dataclass(frozen=True)
class Finding:
    """What is seen, a row a picture: indices int64 [n], flags bool [n, 3], centroid float32 [n, 2] in 0..1.

    `objects` is NOTHING, and the colour and the centroid mean nothing, where no object is seen.
    """

    objects: Tensor
    colours: Tensor
    places: Tensor
    flags: Tensor
    centroid: Tensor


class Examiner(nn.Module):
    """float32 [n, 3, 64, 64] in -1..1 -> scores of object, colour, place and flags, and the centroid."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(3, 32, kernel=4, stride=4),
            *_block(32, 64),
            *_block(64, 96, stride=2),
            *_block(96, 128, stride=2),
            nn.Flatten(),
            nn.Linear(128 * 16, 256),
            nn.SiLU(),
            nn.Dropout(0.1),
        )
        heads = {"object": len(OBJECTS) + 1, "colour": len(COLOURS), "place": len(PLACES)}
        heads |= {"flags": len(FLAGS), "centroid": 2}
        self.heads = nn.ModuleDict({name: nn.Linear(256, size) for name, size in heads.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        shared = self.body(pictures)
        return {name: head(shared) for name, head in self.heads.items()}

    @torch.inference_mode()
    def examine(self, pictures: Tensor) -> Finding:
        seen = self(pictures)
        objects, colours, places = (seen[name].argmax(1) for name in ("object", "colour", "place"))
        return Finding(objects, colours, places, seen["flags"] > 0, seen["centroid"])


def _block(before: int, after: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, kernel, stride, kernel % 2), nn.GroupNorm(8, after), nn.SiLU()


def labels(scenes: list[world.Scene]) -> dict[str, Tensor]:
    """The truth in the examiner's terms; the colour of a greyscale picture is unknown, the centroid of nothing NaN."""
    colours = [UNKNOWN if s.greyscale or s.object is None else COLOURS.index(s.colour or "own") for s in scenes]
    return {
        "object": torch.tensor([NOTHING if s.object is None else OBJECTS.index(s.object) for s in scenes]),
        "colour": torch.tensor(colours),
        "place": torch.tensor([PLACES.index(s.place) for s in scenes]),
        "flags": torch.tensor([[s.greyscale, s.border, s.word is not None] for s in scenes]).float(),
        "centroid": torch.tensor([s.centroid for s in scenes]),
    }


@dataclass
class ExaminerTask:
    """Classification of renders, half of them blurred or a little noisy."""

    seed: int
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.examiner = Examiner()

    def models(self) -> Mapping[str, nn.Module]:
        return {"examiner": self.examiner}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        del progress
        generator = step_generator(self.seed, step * workers + rank)
        chosen = range(rank, BATCH, workers)
        scenes = [world.render(FIRST_SCENE + step * BATCH + i, empty=i % EMPTY_EVERY == 0) for i in chosen]
        pictures, truth = blurred(to_tensor([s.pixels for s in scenes]), generator), labels(scenes)
        with torch.autocast("cpu", torch.bfloat16):
            seen = {name: score.float() for name, score in self.examiner(pictures).items()}
        loss = functional.binary_cross_entropy_with_logits(seen["flags"], truth["flags"])
        for name in ("object", "colour", "place"):
            loss = loss + functional.cross_entropy(seen[name], truth[name])
        there = truth["object"] != NOTHING
        return loss + 20 * functional.mse_loss(seen["centroid"][there], truth["centroid"][there])


def blurred(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures blurred by up to 1.5 pixels, and a little noise on all."""
    sigma = 0.3 + 1.2 * float(torch.rand((), generator=generator))
    chosen = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5
    softened = torch.where(chosen, soften(pictures, sigma), pictures)
    return softened + 0.03 * torch.randn(pictures.shape, generator=generator)


def soften(pictures: Tensor, sigma: float) -> Tensor:
    """Gaussian blur by `sigma` pixels; float32 [n, c, side, side]."""
    place = torch.arange(pictures.shape[-1], dtype=torch.float32)
    kernel = torch.exp(-(place[:, None] - place).square() / (2 * sigma**2))
    kernel /= kernel.sum(1, keepdim=True)
    return kernel @ pictures @ kernel.T


def load_examiner(path: Path = WEIGHTS) -> Examiner:
    """The trained examiner, ready to judge; its weights are stored in half precision."""
    examiner = Examiner()
    examiner.load_state_dict(load_file(path))
    return examiner.eval()


def accuracy_on_renders(examiner: Examiner, count: int = 4000, sigma: float | None = None) -> dict[str, float]:
    """Share of held-out renders that it gets right, a topic at a time, and the centroid's mean error.

    "nothing" is the share of the same renders without their object in which it sees none.
    sigma: blur the renders by so many pixels first.
    """
    seeds = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
    found, truth = _found_and_true(examiner, [world.render(seed) for seed in seeds], sigma)
    nothing, _ = _found_and_true(examiner, [world.render(seed, empty=True) for seed in seeds], sigma)
    coloured = truth["colour"] != UNKNOWN
    flags = (found.flags == truth["flags"].bool()).float().mean(0).tolist()
    return {
        "object": float((found.objects == truth["object"]).float().mean()),
        "nothing": float((nothing.objects == NOTHING).float().mean()),
        "colour": float((found.colours == truth["colour"])[coloured].float().mean()),
        "place": float((found.places == truth["place"]).float().mean()),
        **dict(zip(FLAGS, flags, strict=True)),
        "centroid error": float((found.centroid - truth["centroid"]).norm(dim=1).mean()),
    }


def _found_and_true(
    examiner: Examiner, scenes: list[world.Scene], sigma: float | None
) -> tuple[Finding, dict[str, Tensor]]:
    pictures = to_tensor([scene.pixels for scene in scenes])
    return examiner.examine(pictures if sigma is None else soften(pictures, sigma)), labels(scenes)


def main() -> None:
    parser = command_line(__doc__, Path("training/examiner"), workers=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the weights that judge")
    options = parser.parse_args()
    train(partial(ExaminerTask, options.seed), Budget(options.minutes, options.steps), options.folder, options.workers)
    trained = Examiner()
    load_means(options.folder / "checkpoint.pt", {"examiner": trained})
    save_file({name: weight.half() for name, weight in trained.state_dict().items()}, options.out)
    examiner = load_examiner(options.out)
    shares = {"renders": accuracy_on_renders(examiner), "blurred": accuracy_on_renders(examiner, sigma=1.0)}
    print(json.dumps(shares, indent=2))


if __name__ == "__main__":
    main()
