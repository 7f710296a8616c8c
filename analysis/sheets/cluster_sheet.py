"""`clusters.png`: what each cluster of seeds looks like, the same prompts in each row, and what sets it apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from seedscope.analysis.sheets.paper import (
    GREY,
    HEADING,
    INK,
    LINE,
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
    wrapped,
)

LABEL, PICTURE, GAP = 348, 88, 4
HEAD_LINES = 4
Line = tuple[str, int, str]


@dataclass(frozen=True)
class ClusterRow:
    """One cluster: its number from 1, what it is called, facts about it, and the seeds that stand for it."""

    number: int
    name: str
    facts: Sequence[str]
    examples: Sequence[int]


def draw_clusters(
    rows: Sequence[ClusterRow],
    columns: Mapping[str, str],
    pictures: Mapping[tuple[int, str], Image.Image],
    *,
    title: str,
    notes: Sequence[str],
) -> Image.Image:
    """An RGB page: a block a cluster, a row an example seed, a column a prompt.

    Args:
        rows: the clusters.
        columns: prompt id -> text.
        pictures: (seed, prompt id) -> picture; where there is none, an empty box.
    """
    width = 2 * MARGIN + LABEL + len(columns) * (PICTURE + GAP)
    parts = [paragraphs(width, title, notes), _heads(width, list(columns.values()))]
    parts += [_block(width, row, list(columns), pictures) for row in rows]
    page = Image.new("RGB", (width, sum(part.height for part in parts) + MARGIN), PAPER)
    y = 0
    for part in parts:
        page.paste(part, (0, y))
        y += part.height
    return page


def _heads(width: int, prompts: Sequence[str]) -> Image.Image:
    """The prompts, standing on the columns."""
    heads = [wrapped(plain_letters(prompt), SMALL, PICTURE, HEAD_LINES) for prompt in prompts]
    step, most = line_height(SMALL), max(map(len, heads))
    strip = Image.new("RGB", (width, most * step + 8), PAPER)
    draw = ImageDraw.Draw(strip)
    for column, head in enumerate(heads):
        for place, line in enumerate(head):
            draw.text((_left(column), (most - len(head) + place) * step), line, INK, font(SMALL))
    return strip


def _block(
    width: int, row: ClusterRow, prompts: Sequence[str], pictures: Mapping[tuple[int, str], Image.Image]
) -> Image.Image:
    lines = _label(row)
    label_height = sum(line_height(size) for _, size, _ in lines)
    height = max(len(row.examples) * (PICTURE + GAP), label_height)
    block = Image.new("RGB", (width, height + 24), PAPER)
    draw = ImageDraw.Draw(block)
    draw.line((MARGIN, 8, width - MARGIN, 8), LINE, 1)
    draw.rectangle((MARGIN, 18, MARGIN + 5, 18 + height - GAP), colour_of(row.number))
    y = 18
    for text, size, colour in lines:
        draw.text((MARGIN + 16, y), text, colour, font(size))
        y += line_height(size)
    for place, seed in enumerate(row.examples):
        y = 18 + place * (PICTURE + GAP)
        number = (_left(0) - 8, y + PICTURE / 2)
        draw.text(number, str(seed), GREY, font(SMALL), anchor="rm")
        for column, prompt in enumerate(prompts):
            block.paste(square(pictures.get((seed, prompt)), PICTURE), (_left(column), y))
    return block


def _label(row: ClusterRow) -> list[Line]:
    """What is written beside the pictures, broken into lines."""
    room = LABEL - 70
    lines = [(line, HEADING, colour_of(row.number)) for line in wrapped(f"Cluster {row.number}", HEADING, room, 1)]
    lines += [(line, TEXT, INK) for line in wrapped(row.name, TEXT, room, 3)]
    for fact in row.facts:
        lines.append(("", SMALL // 3, GREY))
        lines += [(line, SMALL, GREY) for line in wrapped(plain_letters(fact), SMALL, room, 4)]
    return lines


def _left(column: int) -> int:
    return MARGIN + LABEL + column * (PICTURE + GAP)
