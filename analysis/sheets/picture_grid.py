"""Pictures of some seeds for some prompts, a row a seed, for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from seedscope.analysis.sheets.paper import GREY, INK, PAPER, SMALL, font, line_height, plain_letters, square, wrapped

LARGEST, SMALLEST, GAP, LABEL, HEAD_LINES = 256, 96, 6, 84, 3
"""Pixels of a picture's side at most and at least, between pictures, left of a row; and lines over a column."""


def picture_grid(rows: Sequence[tuple[str, Sequence[Image.Image | None]]], columns: Sequence[str]) -> Image.Image:
    """An RGB page: labels of rows at the left, of columns above, pictures whole in squares; a cross where there is none.

    Raises:
        ValueError: no rows or columns, or a row with another number of pictures than columns.
    """
    if not rows or not columns or any(len(pictures) != len(columns) for _, pictures in rows):
        raise ValueError("A grid needs rows and columns, and a picture or None for each.")
    sides = [max(picture.size) for _, pictures in rows for picture in pictures if picture is not None]
    side = min(LARGEST, max([SMALLEST, *sides]))
    heads = [wrapped(plain_letters(column), SMALL, side, HEAD_LINES) for column in columns]
    top = max(map(len, heads)) * line_height(SMALL) + 2 * GAP
    page = Image.new("RGB", (LABEL + len(columns) * (side + GAP), top + len(rows) * (side + GAP)), PAPER)
    draw = ImageDraw.Draw(page)
    for column, head in enumerate(heads):
        for place, line in enumerate(head):
            y = top - GAP - (len(head) - place) * line_height(SMALL)
            draw.text((LABEL + column * (side + GAP), y), line, INK, font(SMALL))
    for row, (label, pictures) in enumerate(rows):
        y = top + row * (side + GAP)
        draw.text((LABEL - GAP, y + side / 2), plain_letters(label), GREY, font(SMALL), anchor="rm")
        for column, picture in enumerate(pictures):
            page.paste(square(picture, side), (LABEL + column * (side + GAP), y))
    return page
