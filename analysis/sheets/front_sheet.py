"""A front: ways at their settings, how unlike the pictures are against how good, each with the intervals of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from seedscope.analysis.sheets.line_plots import legend
from seedscope.analysis.sheets.paper import (
    GREY,
    INK,
    LINE,
    MARGIN,
    PAPER,
    SMALL,
    TEXT,
    Size,
    colour_of,
    font,
    paragraphs,
    plain_letters,
)

PANEL: Size = (560, 460)
LEFT, RIGHT, TOP, BOTTOM = 74, 20, 58, 58
_DOT = 5
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Spot:
    """A way at one setting: (x, y), bounds of both or None, and what is written beside it."""

    x: float
    y: float
    x_bounds: tuple[float, float] | None
    y_bounds: tuple[float, float] | None
    label: str = ""


@dataclass(frozen=True)
class Front:
    """A pair of axes with lines of spots, in the order of their settings; (0, 0) is marked."""

    title: str
    x_title: str
    y_title: str
    lines: Mapping[str, Sequence[Spot]]


def draw_fronts(fronts: Sequence[Front], *, title: str, notes: Sequence[str]) -> Image.Image:
    """An RGB page with all fronts side by side, and one legend; a line has one colour on all of them."""
    names = list(dict.fromkeys(name for front in fronts for name in front.lines))
    colours = {name: colour_of(number) for number, name in enumerate(names, 1)}
    width = 2 * MARGIN + len(fronts) * PANEL[0]
    head, key = paragraphs(width, title, notes), legend(width, colours)
    page = Image.new("RGB", (width, head.height + key.height + PANEL[1] + MARGIN), PAPER)
    page.paste(head)
    page.paste(key, (0, head.height))
    for place, front in enumerate(fronts):
        page.paste(_panel(front, colours), (MARGIN + place * PANEL[0], head.height + key.height))
    return page


def _panel(front: Front, colours: dict[str, str]) -> Image.Image:
    box = Image.new("RGB", PANEL, PAPER)
    draw = ImageDraw.Draw(box)
    spots = [spot for line in front.lines.values() for spot in line]
    across = _scale([each.x for each in spots], [each.x_bounds for each in spots], LEFT, PANEL[0] - RIGHT)
    up = _scale([each.y for each in spots], [each.y_bounds for each in spots], PANEL[1] - BOTTOM, TOP)
    draw.text((LEFT, 8), plain_letters(front.title), INK, font(TEXT))
    _axes(draw, front, across, up)
    for name, line in front.lines.items():
        colour = colours[name]
        places = [(across.at(spot.x), up.at(spot.y)) for spot in line]
        if len(places) > 1:
            draw.line(places, colour, 2, joint="curve")
        for spot, (x, y) in zip(line, places, strict=True):
            if spot.x_bounds:
                draw.line((across.at(spot.x_bounds[0]), y, across.at(spot.x_bounds[1]), y), colour)
            if spot.y_bounds:
                draw.line((x, up.at(spot.y_bounds[0]), x, up.at(spot.y_bounds[1])), colour)
            draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), colour)
        for spot, (x, y) in zip(line, places, strict=True):
            draw.text((x + _DOT + 3, y - _DOT - 2), plain_letters(spot.label), colour, font(SMALL), anchor="ls")
    return box


@dataclass(frozen=True)
class _Scale:
    """From values to pixels, with round ticks."""

    first: float
    last: float
    start: int
    end: int
    ticks: Sequence[float]

    def at(self, value: float) -> float:
        return self.start + (value - self.first) / (self.last - self.first) * (self.end - self.start)


def _scale(values: Sequence[float], bounds: Sequence[tuple[float, float] | None], start: int, end: int) -> _Scale:
    """One that holds all values with their bounds, and 0."""
    every = [0.0, *values, *(edge for pair in bounds if pair for edge in pair)]
    low, high = min(every), max(every)
    room = 0.08 * ((high - low) or 1.0)
    first, last = low - room, high + room
    step = _round_step(last - first)
    ticks = [number * step for number in range(int(first // step), int(last // step) + 2)]
    return _Scale(first, last, start, end, [tick for tick in ticks if first <= tick <= last])


def _round_step(span: float) -> float:
    """About five steps in a span."""
    magnitude = 1.0
    while magnitude > span / 5:
        magnitude /= 10
    while magnitude * 10 <= span / 5:
        magnitude *= 10
    return next(magnitude * step for step in _STEPS if magnitude * step >= span / 6)


def _axes(draw: ImageDraw.ImageDraw, front: Front, across: _Scale, up: _Scale) -> None:
    left, right, base, top = LEFT, PANEL[0] - RIGHT, PANEL[1] - BOTTOM, TOP
    for tick in across.ticks:
        draw.line((across.at(tick), base, across.at(tick), top), LINE)
        draw.text((across.at(tick), base + 6), f"{tick:.3g}", GREY, font(SMALL), anchor="ma")
    for tick in up.ticks:
        draw.line((left, up.at(tick), right, up.at(tick)), LINE)
        draw.text((left - 6, up.at(tick)), f"{tick:.3g}", GREY, font(SMALL), anchor="rm")
    draw.line((across.at(0), base, across.at(0), top), GREY)
    draw.line((left, up.at(0), right, up.at(0)), GREY)
    draw.text(((left + right) / 2, base + 26), plain_letters(front.x_title), GREY, font(SMALL), anchor="ma")
    draw.text((left, TOP - 8), plain_letters(front.y_title), GREY, font(SMALL), anchor="ls")
