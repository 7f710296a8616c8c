"""Pairs of (picture, caption) of which the first deserves the higher score: what sprout-clip's taste is trained on.

Seven kinds take turns:

| kind | the worse one | strength, uniform |
| --- | --- | --- |
| wrong caption | one thing claimed (object, colour or place) is another | |
| wrong object | the same scene with another object | |
| blurred | Gaussian blur | standard deviation 0.8 to 2 pixels |
| noised | Gaussian noise | standard deviation 8 to 32 of 255 |
| cut off | picture moved until part of the object has left it | 30 to 60 % of the object's pixels |
| mis-coloured | all hues turned; those of the object alone where its colour is named | 0.25 to 0.75 turns |
| patchy | squares on the object overwritten from elsewhere in the picture | 3 to 5 squares of 8 to 14 pixels |

In half of the pairs both pictures are softened a little at first (0.2 to 0.7 pixels), as generated ones are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.clip_claims import VALUES, caption_of, claims
from seedscope.jobs.sprout.examiner import soften

SEEDS_A_PAIR = 16  # the first of so many scenes that can be damaged in the pair's way is taken
GREY = np.array([0.299, 0.587, 0.114])
# Rows: brightness and two axes of colour (the NTSC standard's Y, I and Q).
BRIGHTNESS_AND_COLOUR = np.array([GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])

Plane = world.Plane
Damage = Callable[[Plane, world.Scene, np.random.Generator], Plane]


@dataclass(frozen=True)
class Pair:
    """Two pictures, float32 [64, 64, 3] in 0..255, with a caption each; the first deserves the higher score."""

    kind: str
    better: Plane
    worse: Plane
    caption: str
    worse_caption: str


def make_pair(kind: str, first_seed: int, *, training: bool) -> Pair:
    """The pair of this kind that belongs to SEEDS_A_PAIR scenes from `first_seed` on; the same seed, the same pair."""
    rng = np.random.default_rng([first_seed, KINDS.index(kind)])
    seeds = range(first_seed, first_seed + SEEDS_A_PAIR)
    seed = next((s for s in seeds if _can_be(kind, world.render(s, training=training))), first_seed)
    scene = world.render(seed, training=training)
    caption = worse_caption = scene.caption
    better = scene.pixels.astype(np.float32)
    worse = better
    sigma = rng.uniform(0.2, 0.7) if rng.random() < 0.5 else None
    if kind == "wrong caption":
        worse_caption = _contradicted(scene, rng)
    elif kind == "wrong object":
        other = rng.choice([name for name in world.OBJECTS if name != scene.object])
        worse = world.render(seed, training=training, object_name=str(other)).pixels.astype(np.float32)
    if sigma is not None:
        better, worse = _softened(better, sigma), _softened(worse, sigma)
    if kind in DAMAGES:
        worse = DAMAGES[kind](better, scene, rng).clip(0, 255).astype(np.float32)
    return Pair(kind, better, worse, caption, worse_caption)


def _can_be(kind: str, scene: world.Scene) -> bool:
    """Whether a person could see the difference."""
    if kind == "mis-coloured":
        return not scene.greyscale and (scene.colour is None or "colour" in claims(scene.caption))
    return True


def _contradicted(scene: world.Scene, rng: np.random.Generator) -> str:
    """The scene's caption with one claim that the picture disproves."""
    claimed = claims(scene.caption)
    topics = ["object", *(["place"] if "place" in claimed else [])]
    if "colour" in claimed and not scene.greyscale:
        topics.append("colour")
    topic = topics[rng.integers(len(topics))]
    others = [value for value in VALUES[topic] if value != claimed[topic]]
    return caption_of(claimed | {topic: others[rng.integers(len(others))]})


def _softened(picture: Plane, sigma: float) -> Plane:
    planes = torch.from_numpy(picture).permute(2, 0, 1)
    softened: Plane = soften(planes, sigma).permute(1, 2, 0).numpy().clip(0, 255)
    return softened


def _blurred(picture: Plane, scene: world.Scene, rng: np.random.Generator) -> Plane:
    del scene
    return _softened(picture, rng.uniform(0.8, 2.0))


def _noised(picture: Plane, scene: world.Scene, rng: np.random.Generator) -> Plane:
    del scene
    return picture + rng.uniform(8, 32) * rng.standard_normal(picture.shape, dtype=np.float32)


def _cut_off(picture: Plane, scene: world.Scene, rng: np.random.Generator) -> Plane:
    """Move the picture (within its border) to one of four sides; what comes in repeats the opposite edge.

    Backgrounds change only from top to bottom, and slowly, so the seam does not show where that edge is background.
    """
    rim = world.BORDER_WIDTH if scene.border else 0
    inside = slice(rim, world.SIDE - rim)
    covered = scene.layers[inside, inside] != world.BACKGROUND
    free = [turns for turns in range(4) if not np.rot90(covered, turns)[:, -1].any()] or list(range(4))
    turns, share = free[rng.integers(len(free))], rng.uniform(0.3, 0.6)
    mask = np.rot90(scene.mask[inside, inside], turns)
    lost = np.cumsum(mask.sum(axis=0)) / mask.sum()
    distance = 1 + int(np.argmax(lost >= share))
    moved = np.rot90(picture[inside, inside], turns)
    moved = np.pad(moved[:, distance:], ((0, 0), (0, distance), (0, 0)), mode="edge")
    result = picture.copy()
    result[inside, inside] = np.rot90(moved, -turns)
    return result


def _mis_coloured(picture: Plane, scene: world.Scene, rng: np.random.Generator) -> Plane:
    turned = _turn_hues(picture, rng.uniform(0.25, 0.75))
    return turned if scene.colour is None else np.where(scene.mask[..., None], turned, picture)


def _turn_hues(picture: Plane, turns: float) -> Plane:
    """Turn every hue by a share of the colour circle; brightness stays."""
    angle = 2 * math.pi * turns
    turn = np.array(
        [[1, 0, 0], [0, math.cos(angle), -math.sin(angle)], [0, math.sin(angle), math.cos(angle)]], dtype=np.float64
    )
    matrix = np.linalg.inv(BRIGHTNESS_AND_COLOUR) @ turn @ BRIGHTNESS_AND_COLOUR
    turned: Plane = (picture @ matrix.T).astype(np.float32)
    return turned


def _patchy(picture: Plane, scene: world.Scene, rng: np.random.Generator) -> Plane:
    result = picture.copy()
    rows, columns = np.nonzero(scene.mask)
    for _ in range(rng.integers(3, 6)):
        side = int(rng.integers(8, 15))
        pixel = rng.integers(len(rows))
        top, left = (int(np.clip(at[pixel] - side // 2, 0, world.SIDE - side)) for at in (rows, columns))
        y, x = rng.integers(0, world.SIDE - side + 1, 2)
        result[top : top + side, left : left + side] = picture[y : y + side, x : x + side]
    return result


DAMAGES: dict[str, Damage] = {
    "blurred": _blurred,
    "noised": _noised,
    "cut off": _cut_off,
    "mis-coloured": _mis_coloured,
    "patchy": _patchy,
}
KINDS = ("wrong caption", "wrong object", *DAMAGES)
