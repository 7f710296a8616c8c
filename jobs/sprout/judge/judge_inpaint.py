"""Judge sprout-inpaint on held-out renders: is the object gone after removal, is the named one there after completion?

Both with a hole of the object's shape (its outline grown by 4 pixels) and with a box around it; the completions with a
bare caption. "Another object" puts the name of a different object into the square around the first. The empty renders
of the same scenes say what should have come out of a removal. DDIM, 20 steps, guidance 2.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import NOTHING, OBJECTS, Examiner
from seedscope.jobs.sprout.inpaint_masks import box_around, grown, square_around
from seedscope.jobs.sprout.inpaint_networks import StableDiffusionInpaintPipeline

FIRST_SCENE = world.REFERENCE_SEEDS + (2 << 20)
SCENES = 128
STEPS = 20
GUIDANCE = 2.0
MARGIN = 4  # pixels between the object and the mask's edge
BATCH = 32
GONE, RIGHT = "object gone after removal", "right object after completion"
SHEET_SCENES, SHEET_SEEDS = 8, 3

MASKS: dict[str, Callable[[world.Mask], world.Mask]] = {
    "outline": lambda mask: grown(mask, MARGIN),
    "box": lambda mask: box_around(mask, (MARGIN,) * 4),
}


@dataclass(frozen=True)
class InpaintCell:
    """One picture to make: `given` uint8 [64, 64, 3], `mask` bool [64, 64], True where it is to be drawn anew."""

    given: world.Pixels
    mask: world.Mask
    prompt: str
    seed: int


def figures(folder: Path, examiner: Examiner) -> dict[str, float]:
    """Shares in 0..1 over 128 held-out scenes and both masks; errors are mean absolute differences, of the range."""
    pipeline, scenes = load(folder), held_out_scenes(SCENES)
    names = [str(scene.object) for scene in scenes]
    others = [other_than(name) for name in names]
    removed, by_mask = [], {}
    for kind, masked in MASKS.items():
        masks = [masked(scene.mask) for scene in scenes]
        pictures = draw(pipeline, cells(scenes, masks, [world.NOTHING] * len(scenes)))
        completed = draw(pipeline, cells(scenes, masks, map(named, names)))
        by_mask[f"{GONE}, {kind}"] = _share(examiner, pictures, [NOTHING] * len(scenes))
        by_mask[f"{RIGHT}, {kind}"] = _share(examiner, completed, map(OBJECTS.index, names))
        removed.append(removal_errors(scenes, masks, pictures))
    squares = [square_around(scene.mask, MARGIN) for scene in scenes]
    replaced = draw(pipeline, cells(scenes, squares, map(named, others)))
    return {
        **{line: float(np.mean([by_mask[f"{line}, {kind}"] for kind in MASKS])) for line in (GONE, RIGHT)},
        **by_mask,
        "another object put in its place": _share(examiner, replaced, map(OBJECTS.index, others)),
        **{line: float(np.mean([errors[line] for errors in removed])) for line in removed[0]},
    }


def removal_errors(
    scenes: list[world.Scene], masks: list[world.Mask], pictures: list[world.Pixels]
) -> dict[str, float]:
    """Distance of pictures after removal from the empty render in the mask, and from the given picture outside it.

    Beside them the distance in the mask of the given picture: what a removal starts from.
    """
    empty = [scene.pixels for scene in held_out_scenes(len(scenes), empty=True)]
    rows = list(zip(scenes, masks, pictures, empty, strict=True))
    return {
        "removal, error in the mask": _mean(_distance(made[m], clear[m]) for _, m, made, clear in rows),
        "removal, error in the mask before": _mean(_distance(s.pixels[m], clear[m]) for s, m, _, clear in rows),
        "removal, error outside the mask": _mean(_distance(made[~m], s.pixels[~m]) for s, m, made, _ in rows),
    }


def load(folder: Path) -> Any:
    """The stock pipeline in single precision."""
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def held_out_scenes(count: int, *, empty: bool = False) -> list[world.Scene]:
    """The first scenes of a range that nothing was trained on, with their object or without it."""
    return [world.render(FIRST_SCENE + i, empty=empty) for i in range(count)]


def named(name: str) -> str:
    """The bare caption of an object."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def other_than(name: str) -> str:
    """Another object, half way round the list."""
    return OBJECTS[(OBJECTS.index(name) + len(OBJECTS) // 2) % len(OBJECTS)]


def cells(
    scenes: list[world.Scene], masks: list[world.Mask], prompts: Iterable[str], seed: int = 0
) -> list[InpaintCell]:
    """A cell a scene, with seeds that count up from `seed`."""
    rows = enumerate(zip(scenes, masks, prompts, strict=True))
    return [InpaintCell(scene.pixels, mask, prompt, seed + i) for i, (scene, mask, prompt) in rows]


def draw(
    pipeline: Any, wanted: list[InpaintCell], guidance: float = GUIDANCE, steps: int = STEPS
) -> list[world.Pixels]:
    """Pictures uint8 [64, 64, 3]; every cell has its own generator."""
    pictures: list[world.Pixels] = []
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        made = pipeline(
            prompt=[cell.prompt for cell in part],
            image=[Image.fromarray(cell.given) for cell in part],
            mask_image=[Image.fromarray(cell.mask).convert("L") for cell in part],
            generator=[torch.Generator("cpu").manual_seed(cell.seed) for cell in part],
            num_inference_steps=steps,
            guidance_scale=guidance,
            output_type="np",
        ).images
        pictures += list((made * 255).round().astype(np.uint8))
    return pictures


def sheet(folder: Path, out: Path, zoom: int = 2) -> None:
    """Write a PNG: a row a scene with the picture, its hole, and three seeds each of removal, completion, another object.

    The hole has the object's outline and is a box in turn; another object goes into the square around the first.
    """
    pipeline, scenes = load(folder), held_out_scenes(SHEET_SCENES)
    kinds = [tuple(MASKS.values())[i % len(MASKS)] for i in range(SHEET_SCENES)]
    masks = [kind(scene.mask) for kind, scene in zip(kinds, scenes, strict=True)]
    squares = [square_around(scene.mask, MARGIN) for scene in scenes]
    names = [str(scene.object) for scene in scenes]
    columns = [[scene.pixels for scene in scenes], _with_hole(scenes, masks)]
    for holes, prompts in (
        (masks, [world.NOTHING] * SHEET_SCENES),
        (masks, [named(name) for name in names]),
        (squares, [named(other_than(name)) for name in names]),
    ):
        for seed in range(SHEET_SEEDS):
            columns.append(draw(pipeline, cells(scenes, holes, prompts, seed=seed * SHEET_SCENES)))
    image = Image.fromarray(np.concatenate([np.concatenate(column) for column in columns], axis=1))
    out.parent.mkdir(parents=True, exist_ok=True)
    image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST).save(out)


def _with_hole(scenes: list[world.Scene], masks: list[world.Mask]) -> list[world.Pixels]:
    grey = np.full(3, 128, dtype=np.uint8)
    return [np.where(mask[..., None], grey, scene.pixels) for scene, mask in zip(scenes, masks, strict=True)]


def _share(examiner: Examiner, pictures: list[world.Pixels], wanted: Iterable[int]) -> float:
    return _mean((examiner.examine(to_tensor(pictures)).objects == torch.tensor(list(wanted))).tolist())


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _distance(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(a.astype(np.float64) - b).mean() / 255)
