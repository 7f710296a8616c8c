"""Masks for inpainting: bool [64, 64], True where the picture is to be drawn anew.

Around an object (its outline grown, a box, a blob) or anywhere (rectangles, blobs, strokes); all randomness comes from
the generator that is passed in.
"""

import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.world import Mask

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels, the last two outside


def grown(mask: Mask, radius: int) -> Mask:
    """The mask grown by `radius` pixels to every side, corners included."""
    picture = Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(2 * radius + 1))
    return np.asarray(picture) > 0


def box_of(mask: Mask) -> Box:
    """The box around the True pixels of a mask that has some."""
    rows, columns = np.nonzero(mask)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def box_mask(box: Box) -> Mask:
    """A rectangle, cut off at the picture's edges."""
    left, top, right, bottom = (max(0, edge) for edge in box)
    mask = np.zeros((world.SIDE, world.SIDE), dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def box_around(mask: Mask, margins: tuple[int, int, int, int]) -> Mask:
    """The box around a mask, each side moved outwards by its margin."""
    left, top, right, bottom = box_of(mask)
    return box_mask((left - margins[0], top - margins[1], right + margins[2], bottom + margins[3]))


def covering(mask: Mask, rng: random.Random) -> Mask:
    """A mask over all of an object: its outline grown by 2 to 6 pixels, a box, a square, or a blob around it."""
    kind = rng.random()
    if kind < 0.3:
        return grown(mask, rng.randint(2, 6))
    if kind < 0.7:
        widest = rng.choice((4, 8, 16))
        left, top, right, bottom = (rng.randint(2, widest) for _ in range(4))
        return box_around(mask, (left, top, right, bottom))
    if kind < 0.85:
        return square_around(mask, rng.randint(2, 6))
    return grown(mask | blob(rng, box_of(mask)), rng.randint(2, 4))


def square_around(mask: Mask, margin: int) -> Mask:
    """The smallest square around a mask's box, grown by a margin and cut off at the picture's edges."""
    left, top, right, bottom = box_of(mask)
    side = max(right - left, bottom - top) + 2 * margin
    left, top = (left + right - side) // 2, (top + bottom - side) // 2
    return box_mask((left, top, left + side, top + side))


def anywhere(rng: random.Random) -> Mask:
    """A rectangle, blob or stroke anywhere in the picture, of a 30th of it to three quarters."""
    kind = rng.random()
    if kind < 0.25:
        return stroke(rng)
    width, height = (rng.randint(12, 56) for _ in range(2))
    left, top = rng.randint(0, world.SIDE - width), rng.randint(0, world.SIDE - height)
    box = (left, top, left + width, top + height)
    return box_mask(box) if kind < 0.6 else blob(rng, box)


def blob(rng: random.Random, box: Box) -> Mask:
    """A few ellipses that overlap, within and a little around a box."""
    left, top, right, bottom = box
    picture = Image.new("1", (world.SIDE, world.SIDE))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(2, 5)):
        x, y = rng.uniform(left, right), rng.uniform(top, bottom)
        across, down = (rng.uniform(0.25, 0.5) * length for length in (right - left, bottom - top))
        draw.ellipse((x - across, y - down, x + across, y + down), fill=1)
    return np.array(picture, dtype=np.bool_)


def stroke(rng: random.Random) -> Mask:
    """A thick line of two to four bends."""
    picture = Image.new("1", (world.SIDE, world.SIDE))
    points = [(rng.randrange(world.SIDE), rng.randrange(world.SIDE)) for _ in range(rng.randint(3, 5))]
    ImageDraw.Draw(picture).line(points, fill=1, width=rng.randint(6, 14), joint="curve")
    return np.array(picture, dtype=np.bool_)
