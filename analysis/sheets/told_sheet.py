"""A page of how seeds are told apart: accuracies with intervals, and for some seeds their mean picture and what says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from seedscope.analysis.sheets.paper import (
    COLOURS,
    GREY,
    HEADING,
    INK,
    LINE,
    MARGIN,
    PAPER,
    SMALL,
    TEXT,
    font,
    line_height,
    paragraphs,
    plain_letters,
)
from seedscope.pipeline.storage.local import replacing

WIDTH, LABEL, BAR = 1180, 330, 520
SIDE, GAP, ROW = 104, 14, 26
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bar:
    """A share, 0 to 1, with its interval, which may be NaN; `strong` ones are drawn in colour."""

    name: str
    share: float
    lo: float
    hi: float
    strong: bool = False


@dataclass(frozen=True)
class Face:
    """A seed: its mean picture (H, W, 3) uint8, and a map (h, w) of what says for it, above and below 0."""

    name: str
    share: float
    picture: npt.NDArray[np.uint8]
    map: Array


def told_sheet(
    bars: Sequence[Bar], guess: float, faces: Sequence[Face], path: Path, *, title: str, notes: Sequence[str]
) -> None:
    """Draw the page and write it as a PNG.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    parts = [paragraphs(WIDTH, title, notes), _bars(bars, guess), _faces(faces)]
    page = Image.new("RGB", (WIDTH, sum(part.height for part in parts) + MARGIN), PAPER)
    top = 0
    for part in parts:
        page.paste(part, (0, top))
        top += part.height
    with replacing(path) as scratch:
        page.save(scratch, "PNG")


def _bars(bars: Sequence[Bar], guess: float) -> Image.Image:
    strip = Image.new("RGB", (WIDTH, ROW * len(bars) + 2 * line_height(SMALL) + 24), PAPER)
    draw, left = ImageDraw.Draw(strip), MARGIN + LABEL
    bottom = ROW * len(bars) + 12
    for tick in range(0, 101, 25):
        x = left + BAR * tick / 100
        draw.line((x, 6, x, bottom), LINE)
        draw.text((x, bottom + 4), f"{tick} %", GREY, font(SMALL), anchor="ma")
    x = left + BAR * guess
    draw.line((x, 6, x, bottom), COLOURS[1], 2)
    draw.text((left + BAR + 90, bottom + 4), f"guessing: {guess:.2%}", COLOURS[1], font(SMALL), anchor="la")
    for place, bar in enumerate(bars):
        middle, colour = 12 + ROW * place + ROW // 2, COLOURS[0] if bar.strong else GREY
        draw.text((left - 14, middle), plain_letters(bar.name), INK, font(TEXT), anchor="rm")
        draw.rectangle((left, middle - 6, left + BAR * bar.share, middle + 6), colour if bar.strong else LINE)
        if bar.lo == bar.lo:
            draw.line((left + BAR * bar.lo, middle, left + BAR * bar.hi, middle), INK, 2)
        draw.text((left + BAR + 90, middle), _percent(bar), INK, font(TEXT), anchor="lm")
    return strip


def _percent(bar: Bar) -> str:
    interval = "" if bar.lo != bar.lo else f" ({100 * bar.lo:.1f} to {100 * bar.hi:.1f})"
    return f"{100 * bar.share:.1f} %{interval}"


def _faces(faces: Sequence[Face]) -> Image.Image:
    across = (WIDTH - 2 * MARGIN + GAP) // (SIDE + GAP)
    rows = -(-len(faces) // across) if faces else 0
    height = 2 * SIDE + GAP // 2 + line_height(TEXT) + line_height(SMALL) + 2 * GAP
    head = line_height(HEADING) + 14
    strip = Image.new("RGB", (WIDTH, head + rows * height), PAPER)
    draw = ImageDraw.Draw(strip)
    draw.text((MARGIN, 6), "Seeds that are told best: mean picture, and what says so", INK, font(HEADING))
    largest = max((float(np.abs(face.map).max()) for face in faces), default=1.0) or 1.0
    for place, face in enumerate(faces):
        left, top = MARGIN + place % across * (SIDE + GAP), head + place // across * height
        draw.text((left, top), plain_letters(face.name), INK, font(TEXT))
        draw.text((left, top + line_height(TEXT)), f"{100 * face.share:.0f} % told", GREY, font(SMALL))
        top += line_height(TEXT) + line_height(SMALL) + 4
        picture = Image.fromarray(face.picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        strip.paste(picture, (left, top))
        strip.paste(_heat(face.map / largest, picture), (left, top + SIDE + GAP // 2))
    return strip


def _heat(shares: Array, picture: Image.Image) -> Image.Image:
    """A map, -1 to 1, over the grey picture: blue where a place says for the seed, orange where it says against it."""
    scaled = Image.fromarray(np.asarray(shares, np.float32), "F").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    heat = np.clip(np.asarray(scaled), -1, 1)[..., None]
    grey = np.asarray(picture.convert("L").convert("RGB"), np.float32) * 0.45 + 140
    colours = [np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)], np.float32) for code in COLOURS[:2]]
    colour = np.where(heat > 0, colours[0], colours[1])
    strength = np.abs(heat) ** 0.75
    return Image.fromarray((grey * (1 - strength) + colour * strength).clip(0, 255).astype(np.uint8))
