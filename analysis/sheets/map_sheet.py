"""`map.png`: every seed as a small picture, where the map puts it, framed in the colour of its cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from seedscope.analysis.sheets.paper import (
    INK,
    MARGIN,
    PAPER,
    SMALL,
    TEXT,
    colour_of,
    font,
    line_height,
    paragraphs,
    plain_letters,
    square,
)
from seedscope.analysis.sheets.seating import seats

MANY = 400
FRAME = 4
NUMBER = 14


def draw_map(
    seeds: Sequence[int],
    places: npt.NDArray[np.float32],
    clusters: npt.NDArray[np.int64],
    pictures: Mapping[int, Image.Image],
    *,
    title: str,
    notes: Sequence[str],
    names: Mapping[int, str],
) -> Image.Image:
    """An RGB page. Pictures lie on a grid, as near to their places as the others allow.

    Args:
        seeds: S seeds; their places (S, 2) and clusters (S,), 0 for none.
        pictures: seed -> its picture of one prompt, the same for all; a seed without one gets an empty box.
        notes: sentences under the title.
        names: cluster -> what it means, for the legend.
    """
    size = 64 if len(seeds) <= MANY else 44
    step = (size + 2 * FRAME + 4, size + 2 * FRAME + NUMBER + 4)
    cells = seats(places)
    side = int(cells.max()) + 1
    width = max(2 * MARGIN + side * step[0], 720)
    top, legend = paragraphs(width, title, notes), _legend(width, clusters, names)
    page = Image.new("RGB", (width, top.height + side * step[1] + legend.height + MARGIN), PAPER)
    page.paste(top)
    draw = ImageDraw.Draw(page)
    left = (width - side * step[0]) // 2
    for seed, cluster, (column, row) in zip(seeds, clusters.tolist(), cells.tolist(), strict=True):
        # The first coordinate runs to the right, the second upwards, as in the table.
        x, y = left + column * step[0], top.height + (side - 1 - row) * step[1]
        draw.rectangle((x, y, x + size + 2 * FRAME - 1, y + size + 2 * FRAME + NUMBER - 1), colour_of(cluster))
        page.paste(square(pictures.get(seed), size), (x + FRAME, y + FRAME))
        middle = (x + FRAME + size / 2, y + FRAME + size + (NUMBER + FRAME) / 2 - 1)
        draw.text(middle, str(seed), PAPER, font(_number_size(seed, size)), anchor="mm")
    page.paste(legend, (0, top.height + side * step[1]))
    return page


def _legend(width: int, clusters: npt.NDArray[np.int64], names: Mapping[int, str]) -> Image.Image:
    """A line a cluster: its colour, how many seeds it has, what it means."""
    numbers = sorted(set(clusters.tolist()) - {0})
    height = line_height(TEXT) + 4
    strip = Image.new("RGB", (width, 16 + height * len(numbers)), PAPER)
    draw = ImageDraw.Draw(strip)
    for place, number in enumerate(numbers):
        y = 16 + place * height
        draw.rectangle((MARGIN, y + 2, MARGIN + 14, y + 16), colour_of(number))
        count = int((clusters == number).sum())
        line = f"Cluster {number}, {count} seeds{': ' if names.get(number) else ''}{names.get(number, '')}"
        draw.text((MARGIN + 24, y), plain_letters(line), INK, font(TEXT))
    return strip


def _number_size(seed: int, width: int) -> int:
    """The largest font size up to `SMALL` at which a seed's number fits under its picture."""
    return next((size for size in range(SMALL, 5, -1) if font(size).getlength(str(seed)) <= width + FRAME), 5)
