"""The reduced pictures of a report: for each seed a strip of the shown prompts and a sheet of all prompts, one JPEG file each.

Many to a file: a page of 880 prompts opens one file, and 1,024 seeds make 2,048 files instead of 901,120. The pictures at
their full size are written while they are at hand.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from seedscope.analysis.report.pictures import FullPictures
from seedscope.analysis.sheets.paper import centred, fitted_size
from seedscope.pipeline.images import Pixels

Picture = Callable[[int, str], Pixels | None]

STRIP_SIDE = 192
SHEET_SIDE, SMALL_SHEET_SIDE = 96, 64
MANY_PICTURES = 250_000
LARGEST_JPEG_SIDE = 65_500
PAPER, HATCH, HATCH_STEP = 238, 205, 8


class Loss(NamedTuple):
    """How much JPEG leaves out: quality to 100; colours at full (0) or half (2) resolution."""

    quality: int
    subsampling: int


FINE, SMALL = Loss(90, 0), Loss(82, 2)


@dataclass(frozen=True)
class PictureGrid:
    """The cells of a file of pictures: `count` of them, `columns` to a row, each `width` x `height` pixels."""

    count: int
    columns: int
    width: int
    height: int

    @property
    def rows(self) -> int:
        return math.ceil(self.count / self.columns)

    def corner(self, place: int) -> tuple[int, int]:
        """(left, top) of a cell, in pixels."""
        row, column = divmod(place, self.columns)
        return column * self.width, row * self.height


@dataclass(frozen=True)
class Strips:
    """What was drawn: both grids, and for each seed the places, among all prompts, that have no picture. full: ending of a file
    -> seed -> places that have a picture at its full size in such a file."""

    strip: PictureGrid
    sheet: PictureGrid
    missing: dict[int, list[int]]
    full: dict[str, dict[int, list[int]]] = field(default_factory=dict)


def strip_path(seed: int) -> str:
    return f"images/strips/{seed:06d}.jpg"


def sheet_path(seed: int) -> str:
    return f"images/sheets/{seed:06d}.jpg"


def draw_strips(
    picture: Picture,
    seeds: Sequence[int],
    prompts: Sequence[str],
    shown: Sequence[str],
    folder: Path,
    progress: Callable[[int, int], object] | None = None,
    full: FullPictures | None = None,
) -> Strips:
    """Draw the files `strip_path` and `sheet_path` of every seed below `folder`, and write the pictures of `full`.

    Args:
        picture: (seed, prompt id) -> (H, W, 3) uint8 pixels, or None where there is none. Called once for each, from several
            threads: a thread asks for all prompts of a seed, in order, before the next seed. The first that there is is asked
            for twice, to learn its size.
        prompts, shown: ids; those shown are among the prompts.
        progress: called with (seeds done, of how many).

    Cells of a strip have at most 192 pixels a side, those of a sheet 96, or 64 (and more loss) where there are more than
    250,000 pictures, and never more than the pictures have. All have the shape of the first picture; others are fitted in.
    """
    first = _first(picture, seeds, prompts)
    many = len(seeds) * len(prompts) > MANY_PICTURES
    side, loss = (SMALL_SHEET_SIDE, SMALL) if many else (SHEET_SIDE, FINE)
    sheet = _grid(len(prompts), math.ceil(math.sqrt(len(prompts))), first, side)
    strip = _grid(len(shown), len(shown), first, min(STRIP_SIDE, LARGEST_JPEG_SIDE // max(1, len(shown))))
    empty_sheet, empty_strip = _canvas(sheet), _canvas(strip)
    places = {prompt: [i for i, other in enumerate(shown) if other == prompt] for prompt in shown}
    for path in (strip_path(0), sheet_path(0)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)

    def draw(seed: int) -> tuple[list[int], dict[str, list[int]]]:
        on_sheet, on_strip = empty_sheet.copy(), empty_strip.copy()
        missing: list[int] = []
        written = defaultdict[str, list[int]](list)
        for place, prompt in enumerate(prompts):
            pixels = picture(seed, prompt)
            if pixels is None:
                missing.append(place)
                continue
            _put(on_sheet, sheet, place, pixels)
            for column in places.get(prompt, ()):
                _put(on_strip, strip, column, pixels)
            if full is not None and (ending := full.write(seed, place, prompt, folder)):
                written[ending].append(place)
        Image.fromarray(on_sheet).save(folder / sheet_path(seed), quality=loss.quality, subsampling=loss.subsampling)
        if shown:
            Image.fromarray(on_strip).save(
                folder / strip_path(seed), quality=FINE.quality, subsampling=FINE.subsampling
            )
        return missing, written

    without_any: dict[int, list[int]] = {}
    in_full = defaultdict[str, dict[int, list[int]]](dict)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (seed, (without, written)) in enumerate(zip(seeds, pool.map(draw, seeds), strict=True), start=1):
            without_any[seed] = without
            for ending, at in written.items():
                in_full[ending][seed] = at
            if progress is not None:
                progress(done, len(seeds))
    return Strips(strip, sheet, without_any, dict(in_full))


def _first(picture: Picture, seeds: Sequence[int], prompts: Sequence[str]) -> tuple[int, int]:
    """(height, width) of the first picture there is; square where there is none."""
    for seed in seeds:
        for prompt in prompts:
            if (pixels := picture(seed, prompt)) is not None:
                return pixels.shape[0], pixels.shape[1]
    return SHEET_SIDE, SHEET_SIDE


def _grid(count: int, columns: int, size: tuple[int, int], side: int) -> PictureGrid:
    scale = min(1.0, side / max(size))
    return PictureGrid(count, max(1, columns), max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))


def _canvas(grid: PictureGrid) -> Pixels:
    """Cells without pictures: hatched."""
    rows, columns = np.indices((max(1, grid.rows) * grid.height, grid.columns * grid.width))
    lines = np.where((rows + columns) % HATCH_STEP == 0, HATCH, PAPER).astype(np.uint8)
    return np.repeat(lines[..., None], 3, axis=2)


def _put(canvas: Pixels, grid: PictureGrid, place: int, pixels: Pixels) -> None:
    """Copy a picture into its cell, reduced where it is larger, in the middle where it has another shape."""
    if pixels.shape[:2] != (grid.height, grid.width):
        size = fitted_size((pixels.shape[1], pixels.shape[0]), (grid.width, grid.height))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
    height, width = pixels.shape[:2]
    left, top = np.add(grid.corner(place), centred((width, height), (grid.width, grid.height)))
    canvas[top : top + height, left : left + width] = pixels
