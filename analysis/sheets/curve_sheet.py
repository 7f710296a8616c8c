"""A page of curves: a line a seed, the mean of all, and the band in which other seeds' pictures lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.bearing import Bearing, Verdict, Way
from seedscope.analysis.sheets.contact_sheet import BEST, WORST
from seedscope.analysis.sheets.paper import (
    GREY,
    HEADING,
    INK,
    LINE,
    MARGIN,
    PAPER,
    SMALL,
    font,
    line_height,
    paragraphs,
)
from seedscope.pipeline.storage.local import replacing

COLOUR: dict[Verdict, str] = {"stable": BEST, "brittle": WORST, "as others": "#b6bcc6"}
WIDTH, HEIGHT, LEFT, RIGHT, BETWEEN = 520, 380, 44, 66, 24
FINE = 4
"""Lines are drawn so many times as large, for smooth edges."""
MOST_NAMES = 24
SHADED = "#e9ecf1"


@dataclass(frozen=True, eq=False)
class Panel:
    """Curves at T places.

    heading: what it shows. places: (T,) along the axis; ticks: what stands under each. curves: of S seeds (T, S).
    all: of all seeds (T,), with an interval. band: (T, 2) between which other seeds' pictures lie.
    """

    heading: str
    places: npt.ArrayLike
    ticks: Sequence[str]
    curves: Array
    all: Way
    band: Array


def curve_sheet(
    panels: Sequence[Panel],
    found: Bearing,
    seeds: Sequence[int],
    path: Path,
    *,
    title: str,
    notes: Sequence[str],
    axis: str,
) -> None:
    """Draw the panels side by side, on one scale, and write them as a PNG; `axis` is what stands under each.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    with replacing(path) as scratch:
        draw_curves(panels, found, seeds, title=title, notes=notes, axis=axis).save(scratch, "PNG", optimize=True)


def draw_curves(
    panels: Sequence[Panel], found: Bearing, seeds: Sequence[int], *, title: str, notes: Sequence[str], axis: str
) -> Image.Image:
    """Draw the page: an RGB image. Arguments as of `curve_sheet`."""
    verdicts = [found.verdict(seed) for seed in range(len(seeds))]
    highest = max(1.1, *(float(np.nanmax(part)) for panel in panels for part in (panel.curves, panel.band)))
    one = LEFT + WIDTH + RIGHT
    width = 2 * MARGIN + len(panels) * one + (len(panels) - 1) * BETWEEN
    top = paragraphs(width, title, notes)
    page = Image.new("RGB", (width, top.height + HEIGHT + 166), PAPER)
    page.paste(top)
    for place, panel in enumerate(panels):
        corner = (MARGIN + LEFT + place * (one + BETWEEN), top.height + line_height(HEADING) + 18)
        _Plot(page, corner, panel, 1.04 * highest).draw(seeds, verdicts, axis)
    _legend(page, verdicts, page.height - MARGIN - 2 * line_height(SMALL) - 6)
    return page


class _Plot:
    """A panel on a page, its plot's top left corner at a place in pixels; distances run up to `top`."""

    def __init__(self, page: Image.Image, corner: tuple[int, int], panel: Panel, top: float) -> None:
        self.page, self.corner, self.panel, self.top = page, corner, panel, top
        places = np.asarray(panel.places, np.float64)
        room = (places.max() - places.min() or 1.0) * 0.04
        self.ends, self.places = (places.min() - room, places.max() + room), places

    def x(self, place: float) -> float:
        return float(WIDTH * (place - self.ends[0]) / (self.ends[1] - self.ends[0]))

    def y(self, value: float) -> float:
        return HEIGHT * (1 - value / self.top)

    def draw(self, seeds: Sequence[int], verdicts: Sequence[Verdict], axis: str) -> None:
        self.page.paste(self._lines(verdicts), self.corner)
        draw, (left, top) = ImageDraw.Draw(self.page), self.corner
        draw.text((left, top - line_height(HEADING) - 8), self.panel.heading, INK, font(HEADING))
        for value in self._grid():
            draw.text((left - 8, top + self.y(value)), f"{value:g}", GREY, font(SMALL), anchor="rm")
        last = -np.inf
        for place, tick in zip(self.places, self.panel.ticks, strict=True):
            half = font(SMALL).getlength(tick) / 2
            if self.x(place) - half > last:  # else it would lie on the one before
                draw.text((left + self.x(place), top + HEIGHT + 8), tick, INK, font(SMALL), anchor="ma")
                last = self.x(place) + half + 6
        draw.text((left + WIDTH / 2, top + HEIGHT + 30), axis, GREY, font(SMALL), anchor="ma")
        for y, seed in self._names(verdicts):
            colour = GREY if verdicts[seed] == "as others" else COLOUR[verdicts[seed]]
            draw.text((left + WIDTH + 8, top + y), f"{seeds[seed]}", colour, font(SMALL), anchor="lm")

    def _grid(self) -> Iterator[float]:
        """Heights of rules: eight at most."""
        step = next(step for step in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 1e9) if self.top / step <= 8)
        yield from np.arange(0, self.top, step).tolist()

    def _lines(self, verdicts: Sequence[Verdict]) -> Image.Image:
        fine = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), PAPER)
        draw = ImageDraw.Draw(fine)
        band, places = self.panel.band, self.places
        for low, high, here, there in zip(band[:-1], band[1:], places[:-1], places[1:], strict=True):
            corners = [(here, low[0]), (here, low[1]), (there, high[1]), (there, high[0])]
            draw.polygon([self._fine(*corner) for corner in corners], SHADED)
        for value in self._grid():
            draw.line((0, self.y(value) * FINE, fine.width, self.y(value) * FINE), LINE, FINE)
        for seed in sorted(range(len(verdicts)), key=lambda seed: verdicts[seed] != "as others"):
            known = verdicts[seed] != "as others"
            self._curve(draw, self.panel.curves[:, seed], COLOUR[verdicts[seed]], 2.4 if known else 1.3)
        self._curve(draw, self.panel.all.mean, INK, 3)
        for place, low, high, mean in zip(
            self.places, self.panel.all.lo, self.panel.all.hi, self.panel.all.mean, strict=True
        ):
            if np.isfinite([low, high]).all():
                draw.line((self._fine(place, low), self._fine(place, high)), INK, 2 * FINE)
            if np.isfinite(mean):
                draw.circle(self._fine(place, mean), 4 * FINE, INK)
        return fine.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)

    def _fine(self, place: float, value: float) -> tuple[float, float]:
        return self.x(place) * FINE, self.y(value) * FINE

    def _curve(self, draw: ImageDraw.ImageDraw, values: Array, colour: str, thick: float) -> None:
        """A line through the values that are known."""
        known = [self._fine(*point) for point in zip(self.places, values, strict=True) if np.isfinite(point[1])]
        draw.line(known, colour, round(thick * FINE), joint="curve")

    def _names(self, verdicts: Sequence[Verdict]) -> list[tuple[float, int]]:
        """Heights at which the numbers of seeds stand beside the ends of their curves, none on another, and the seeds.

        Of many seeds those alone that are stable or brittle.
        """
        last = self.panel.curves[-1]
        named = [seed for seed in range(len(last)) if np.isfinite(last[seed])]
        if len(named) > MOST_NAMES:
            named = [seed for seed in named if verdicts[seed] != "as others"]
        order = sorted(named, key=lambda seed: -float(last[seed]))
        return list(zip(_spread([self.y(float(last[seed])) for seed in order], HEIGHT), order, strict=True))


def _spread(wanted: Sequence[float], most: float, step: float = 15.0) -> list[float]:
    """Ascending heights as near to those wanted as a step between them, and both ends, allow (least squares)."""
    step = min(step, most / max(len(wanted), 1))
    blocks: list[list[float]] = []
    for place, height in enumerate(wanted):
        blocks.append([height - place * step])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    free = [float(np.mean(block)) for block in blocks for _ in block]
    return [min(max(height, 0.0), most - (len(wanted) - 1) * step) + place * step for place, height in enumerate(free)]


def _legend(page: Image.Image, verdicts: Sequence[Verdict], y: int) -> None:
    """What lines and band mean, from a height on, in as many lines as it takes."""
    draw, x, middle = ImageDraw.Draw(page), float(MARGIN), y + line_height(SMALL) // 2
    shown = [(COLOUR[verdict], verdict) for verdict in ("stable", "brittle", "as others") if verdict in verdicts]
    entries = [(INK, "mean of all seeds, with its 95 % interval"), (SHADED, "nine in ten of other seeds' pictures")]
    for colour, text in [*shown, *entries]:
        length = 34 + font(SMALL).getlength(text)
        if x + length > page.width - MARGIN:
            x, middle = float(MARGIN), middle + line_height(SMALL) + 6
        if colour == SHADED:
            draw.rectangle((x, middle - 7, x + 26, middle + 7), SHADED, LINE)
        else:
            draw.line((x, middle, x + 26, middle), colour, 3)
        draw.text((x + 34, middle), text, INK, font(SMALL), anchor="lm")
        x += length + 28
