"""What all sheets share: colours, letters and their sizes, paragraphs, and pictures that are fitted into cells.

Drawn with Pillow and the font that comes with it, so that sheets look the same everywhere. That font has the letters of
ASCII: accents are left off (an "ä" becomes an "a"), and letters of other scripts in a prompt appear as boxes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Size = tuple[int, int]
"""Width and height in pixels."""

PAPER, INK, GREY, LINE, SHADE = "#ffffff", "#1f2328", "#6b7280", "#d5dae1", "#f4f5f7"
TITLE, HEADING, TEXT, SMALL = 26, 17, 15, 13
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
_PLAIN = str.maketrans("–—−×øØłŁ", "---xoOlL", "\u00ad\u200b\u200d\ufe0f") | {
    ord("ß"): "ss",
    ord("æ"): "ae",
    ord("œ"): "oe",
}


def colour_of(cluster: int) -> str:
    """The colour of a cluster from 1; grey for 0, no cluster."""
    return COLOURS[(cluster - 1) % len(COLOURS)] if cluster else NO_CLUSTER


def fitted_size(size: Size, cell: Size) -> Size:
    """The largest size of the same proportions that a cell holds, at least a pixel a side.

    `PIL.ImageOps.contain` gives thin pictures no width at all, and rounds halves otherwise.
    """
    scale = min(cell[0] / size[0], cell[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def centred(size: Size, cell: Size) -> tuple[int, int]:
    """Left and top, in pixels from the corner of a cell, of what stands in its middle."""
    return (cell[0] - size[0]) // 2, (cell[1] - size[1]) // 2


def fitted(picture: Image.Image, cell: Size) -> Image.Image:
    """Scale a picture into a cell and keep its proportions; RGB."""
    return picture.convert("RGB").resize(fitted_size(picture.size, cell), Image.Resampling.LANCZOS)


def square(picture: Image.Image | None, side: int) -> Image.Image:
    """A square of `side` pixels with the whole picture in its middle; shaded with a cross where there is none."""
    box = Image.new("RGB", (side, side), SHADE)
    if picture is None:
        draw = ImageDraw.Draw(box)
        draw.line((0, 0, side, side), GREY)
        draw.line((0, side, side, 0), GREY)
        return box
    scaled = fitted(picture, box.size)
    box.paste(scaled, centred(scaled.size, box.size))
    return box


def failed(cell: Size) -> Image.Image:
    """An empty, hatched box with the word `failed`."""
    box = Image.new("RGB", cell, SHADE)
    draw = ImageDraw.Draw(box)
    for x in range(-cell[1], cell[0], 10):
        draw.line((x, cell[1], x + cell[1], 0), LINE, 1)
    draw.rectangle((0, 0, cell[0] - 1, cell[1] - 1), outline=LINE)
    middle = (cell[0] / 2, cell[1] / 2)
    left, top, right, bottom = draw.textbbox(middle, "failed", font(SMALL), anchor="mm")
    draw.rectangle((left - 6, top - 4, right + 6, bottom + 4), SHADE)
    draw.text(middle, "failed", GREY, font(SMALL), anchor="mm")
    return box


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


def plain_letters(text: str) -> str:
    """Replace what the font lacks by what it has, where there is such a thing: no accents, plain dashes."""
    letters = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def wrapped(text: str, size: int, width: int, most: int) -> list[str]:
    """Break a text into at most `most` lines of `width` pixels, with an ellipsis where something is left out.

    Words that are too long for a line are broken. White space, line breaks too, counts as one space.
    """
    length = font(size).getlength
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if length(longer) <= width:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and length(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    lines = [line for line in lines if line]
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and length(f"{last}…") > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip()}…"]


@cache
def font(size: int) -> Font:
    """Pillow's own font: the same everywhere."""
    return ImageFont.load_default(size)


def line_height(size: int) -> int:
    return round(size * 1.3)
