"""What the pictures of a map share: the colours of clusters, fitted pictures, and paragraphs on a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from seedscope.analysis.sheets.contact_sheet import GREY, INK, PAPER, SHADE, TEXT, TITLE, Font, plain_letters, wrapped

MARGIN = 36
# Okabe, Ito (2008), "Color Universal Design", darkened where they are pale, and three more: told apart by the colour-blind.
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#b8960c",
    "#56b4e9",
    "#7a4b94",
    "#8c564b",
    "#4d4d4d",
    "#9acd32",
)
NO_CLUSTER = "#9aa1ab"


def colour_of(cluster: int) -> str:
    """The colour of a cluster from 1; grey for 0, no cluster."""
    return COLOURS[(cluster - 1) % len(COLOURS)] if cluster else NO_CLUSTER


def fitted(picture: Image.Image | None, size: int) -> Image.Image:
    """A square of `size` pixels with the whole picture in its middle; shaded with a cross where there is none."""
    square = Image.new("RGB", (size, size), SHADE)
    if picture is None:
        draw = ImageDraw.Draw(square)
        draw.line((0, 0, size, size), GREY)
        draw.line((0, size, size, 0), GREY)
        return square
    scale = size / max(picture.size)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    scaled = picture.convert("RGB").resize(inner, Image.Resampling.LANCZOS)
    square.paste(scaled, ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return square


def paragraphs(width: int, title: str, notes: Sequence[str]) -> Image.Image:
    """A heading and sentences, as a strip `width` pixels wide and as high as they need."""
    lines = [(line, TITLE, INK) for line in wrapped(plain_letters(title), TITLE, width - 2 * MARGIN, 2)]
    for note in notes:
        lines += [(line, TEXT, GREY) for line in wrapped(plain_letters(note), TEXT, width - 2 * MARGIN, 6)]
    strip = Image.new("RGB", (width, MARGIN + sum(line_height(size) for _, size, _ in lines) + 16), PAPER)
    draw, y = ImageDraw.Draw(strip), MARGIN
    for line, size, colour in lines:
        draw.text((MARGIN, y), line, colour, font(size))
        y += line_height(size)
    return strip


@cache
def font(size: int) -> Font:
    """Pillow's own font: the same everywhere."""
    return ImageFont.load_default(size)


def line_height(size: int) -> int:
    return round(size * 1.3)
