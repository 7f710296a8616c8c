"""A page of curves: panels side by side with lines, each with its interval, and one legend for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image, ImageDraw

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
    line_height,
    paragraphs,
    plain_letters,
)

PANEL: Size = (430, 330)
LEFT, BOTTOM, TOP = 52, 46, 34
A_ROW = 2
_HOLLOW = 3


@dataclass(frozen=True)
class Line:
    """A curve through points; `lo` and `hi` are bounds at each, or None. Lines of one name have one colour on all panels."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    lo: Sequence[float | None]
    hi: Sequence[float | None]


@dataclass(frozen=True)
class Panel:
    """Lines over one pair of axes; ticks are written at `x_ticks`, as `x_names` where these are given."""

    title: str
    x_title: str
    x_ticks: Sequence[float]
    lines: Sequence[Line]
    x_names: Sequence[str] = ()


def draw_curves(panels: Sequence[Panel], *, title: str, notes: Sequence[str], one_scale: bool = True) -> Image.Image:
    """An RGB page. All panels have the scale of the highest value, or each its own; from 0 on, or from the least mean below."""
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    colours = {name: colour_of(number) for number, name in enumerate(names, 1)}
    shared = _scale([line for panel in panels for line in panel.lines])
    columns = min(A_ROW, len(panels))
    width = max(2 * MARGIN + columns * PANEL[0], 720)
    head, key = paragraphs(width, title, notes), legend(width, colours)
    rows = -(-len(panels) // A_ROW)
    page = Image.new("RGB", (width, head.height + key.height + rows * PANEL[1] + MARGIN), PAPER)
    page.paste(head)
    page.paste(key, (0, head.height))
    for place, panel in enumerate(panels):
        corner = (MARGIN + place % A_ROW * PANEL[0], head.height + key.height + place // A_ROW * PANEL[1])
        page.paste(_panel(panel, colours, shared if one_scale else _scale(panel.lines)), corner)
    return page


def _scale(lines: Sequence[Line]) -> tuple[float, float]:
    """The ends of an axis; intervals may end below it where all means are 0 or more."""
    top = max((y for line in lines for y in [*line.y, *_known(line.hi)]), default=1.0)
    below = any(y < 0 for line in lines for y in line.y)
    bottom = min(y for line in lines for y in [*line.y, *_known(line.lo)]) if below else 0.0
    return bottom, max(top, 0.0) if below else top or 1.0


def _panel(panel: Panel, colours: dict[str, str], scale: tuple[float, float]) -> Image.Image:
    box = Image.new("RGB", PANEL, PAPER)
    draw = ImageDraw.Draw(box)
    right, base = PANEL[0] - 18, PANEL[1] - BOTTOM
    across = [*panel.x_ticks, *(x for line in panel.lines for x in line.x)]
    first, last = min(across), max(across)
    bottom, top = scale

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (x - first) / ((last - first) or 1) * (right - LEFT), base - (y - bottom) / (top - bottom) * (
            base - TOP
        )

    draw.text((LEFT, 6), plain_letters(panel.title), INK, font(TEXT))
    for tick in _ticks(bottom, top):
        draw.line((at(first, tick), at(last, tick)), LINE)
        draw.text((LEFT - 8, at(first, tick)[1]), f"{tick:g}", GREY, font(SMALL), anchor="rm")
    for tick, name in zip(panel.x_ticks, panel.x_names or [f"{tick:g}" for tick in panel.x_ticks], strict=True):
        draw.text((at(tick, bottom)[0], base + 6), plain_letters(name), GREY, font(SMALL), anchor="ma")
    draw.text(((LEFT + right) / 2, base + 24), plain_letters(panel.x_title), GREY, font(SMALL), anchor="ma")
    for number, line in enumerate(panel.lines):
        colour, aside = colours[line.name], (number - (len(panel.lines) - 1) / 2) * 2
        points = [(x + aside, y) for x, y in (at(x, y) for x, y in zip(line.x, line.y, strict=True))]
        for (x, _), lo, hi in zip(points, line.lo, line.hi, strict=True):
            if lo is not None and hi is not None:
                draw.line((x, at(first, max(lo, bottom))[1], x, at(first, hi)[1]), colour)
        draw.line(points, colour, 2, joint="curve")
        for x, y in points:
            draw.ellipse((x - _HOLLOW, y - _HOLLOW, x + _HOLLOW, y + _HOLLOW), colour)
    return box


def _ticks(bottom: float, top: float) -> list[float]:
    """About five round numbers between the ends of an axis."""
    span = top - bottom
    sizes = (base * 10**power for power in range(-4, 2) for base in (1.0, 2.0, 2.5, 5.0))
    step = next((each for each in sizes if span / each <= 6), span / 5)
    return [round(step * number, 6) for number in range(ceil(bottom / step - 1e-9), int(top / step + 1e-9) + 1)]


def legend(width: int, colours: dict[str, str]) -> Image.Image:
    """Names beside their colours, as many in a line as fit."""
    height = line_height(TEXT) + 6
    places, x, y = list[tuple[str, int, int]](), MARGIN, 4
    for name in colours:
        wide = 30 + int(font(TEXT).getlength(plain_letters(name))) + 24
        if x + wide > width - MARGIN and x > MARGIN:
            x, y = MARGIN, y + height
        places.append((name, x, y))
        x += wide
    strip = Image.new("RGB", (width, y + height + 8), PAPER)
    draw = ImageDraw.Draw(strip)
    for name, x, y in places:
        draw.line((x, y + height / 2 - 2, x + 22, y + height / 2 - 2), colours[name], 3)
        draw.text((x + 30, y), plain_letters(name), INK, font(TEXT))
    return strip


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
