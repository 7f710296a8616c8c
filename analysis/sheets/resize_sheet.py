"""Pages of seeds at other sizes: a row a seed, with resized noise above plain noise; and the curves of all seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from seedscope.analysis.seeds.scores.resizes import Resizes
from seedscope.analysis.sheets.bearing_sheet import bearing_sheet
from seedscope.analysis.sheets.contact_sheet import LARGE_SIDE
from seedscope.analysis.sheets.curve_sheet import Panel, curve_sheet
from seedscope.analysis.sheets.paper import GREY, INK, PAPER, SMALL, Size, centred, failed, font
from seedscope.pipeline.images import Pixels

ROWS = 3
INNER, OUTER = 4, 18
"""Pixels between the two pictures of a seed at a size, and below them."""
NAMES = 56
"""Pixels of the column that says which noise a line of pictures has."""
View = tuple[int, int, int, int]
"""Part of a picture: top, bottom, left and right, pixels."""


def resize_sheet(
    found: Resizes,
    seeds: Sequence[int],
    own: Sequence[Pixels | None],
    pairs: Sequence[tuple[Sequence[Pixels | None], Sequence[Pixels | None]]],
    views: Sequence[View],
    path: Path,
    *,
    sizes: Sequence[Size],
    prompt: str,
    feature: str,
    title: str,
) -> None:
    """Draw the page of pictures and write it as a PNG; all pictures are as large to each other as they are.

    Args:
        seeds: S, as of `found`.
        own: S pictures of one prompt.
        pairs: of each of T sizes, S pictures with resized and S with plain noise.
        views: of each size, the part of its pictures that is compared.
        sizes: width and height, pixels, of the seeds' own pictures and of the T sizes.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    longest = max(max(size) for size in sizes)
    times = float(LARGE_SIDE // longest) if longest <= LARGE_SIDE else LARGE_SIDE / longest
    shown: list[Size] = [(round(width * times), round(height * times)) for width, height in sizes]
    high = max(height for _, height in shown)
    cells = [
        (shown[0][0], 2 * high + INNER + OUTER),
        (NAMES, 2 * high + INNER + OUTER),
        *((width, 2 * high + INNER + OUTER) for width, _ in shown[1:]),
    ]

    def images(seed: int) -> list[Image.Image | None]:
        row: list[Image.Image | None] = [_stack([_scaled(own[seed], shown[0])], cells[0]), _names(cells[1])]
        for pair, view, size, cell in zip(pairs, views, shown[1:], cells[2:], strict=True):
            row.append(_stack([_framed(of[seed], view, size) for of in pair], cell))
        return row

    bearing_sheet(
        found,
        seeds,
        images,
        [f"{_named(sizes[0])}, the seed itself", "", *_headings(found, sizes[1:])],
        path,
        title=title,
        measure=f"Mean distance with resized noise by {feature}, where other seeds' are 1 apart, with its 95 % interval",
        notes=[
            f"The prompt: {prompt}. Over each column stands the mean distance of all seeds over {found.prompts} prompts, of "
            "resized / plain noise. Compared is what lies in the frame, where the resized noise is that of the seed itself."
        ],
        cells=cells,
        most=ROWS,
    )


def resize_curves(
    found: Resizes, sizes: Sequence[Size], seeds: Sequence[int], path: Path, *, feature: str, title: str
) -> None:
    """Draw the curves of distance over size and write them as a PNG; `sizes` are T, width and height in pixels.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    panels = [
        Panel(heading, np.arange(len(sizes)), [_named(size) for size in sizes], kept.curve.mean, kept.all, kept.spread)
        for heading, kept in (("Noise resized", found.resized), ("Plain noise of that size", found.plain))
    ]
    notes = [
        f"Distance from the seed's own picture by {feature}, where those of other seeds are 1 apart; means over "
        f"{found.prompts} prompts. Colours are by resized noise."
    ]
    curve_sheet(panels, found, seeds, path, title=title, notes=notes, axis="width x height, pixels")


def _headings(found: Resizes, sizes: Sequence[Size]) -> list[str]:
    means = zip(sizes, found.resized.all.mean, found.plain.all.mean, strict=True)
    return [f"{_named(size)} {resized:.2f}/{plain:.2f}" for size, resized, plain in means]


def _named(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _scaled(pixels: Pixels | None, size: Size) -> Image.Image:
    return failed(size) if pixels is None else Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)


def _framed(pixels: Pixels | None, view: View, size: Size) -> Image.Image:
    """A picture with a frame about the part that is compared, where that is not the whole."""
    image = _scaled(pixels, size)
    if pixels is None or view == (0, pixels.shape[0], 0, pixels.shape[1]):
        return image
    times = size[0] / pixels.shape[1]
    top, bottom, left, right = (round(edge * times) for edge in view)
    draw = ImageDraw.Draw(image)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=INK)
    draw.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=PAPER)
    return image


def _stack(images: Sequence[Image.Image], cell: Size) -> Image.Image:
    """Pictures under each other, each in the middle of as much room."""
    box, room = Image.new("RGB", cell, PAPER), (cell[0], (cell[1] - OUTER - INNER * (len(images) - 1)) // len(images))
    for place, image in enumerate(images):
        left, top = centred(image.size, room)
        box.paste(image, (left, place * (room[1] + INNER) + top))
    return box


def _names(cell: Size) -> Image.Image:
    box = Image.new("RGB", cell, PAPER)
    room = (cell[1] - INNER - OUTER) // 2
    for place, name in enumerate(("resized", "plain")):
        middle = place * (room + INNER) + room / 2
        ImageDraw.Draw(box).text((cell[0] - 4, middle), name, GREY, font(SMALL), anchor="rm")
    return box
