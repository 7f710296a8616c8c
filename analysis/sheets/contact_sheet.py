"""The contact sheet: pictures of the best and the worst seeds, for the same prompts, on one page to look at."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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
    TITLE,
    Size,
    centred,
    failed,
    fitted,
    font,
    line_height,
    plain_letters,
    wrapped,
)
from seedscope.pipeline.storage.local import replacing

BEST, WORST = "#0f766e", "#b45309"

GAP, LABEL_WIDTH, LABEL_GAP = 8, 158, 20
SMALL_SIDE, LARGE_SIDE = 128, 192
HEAD_LINES = 4


@dataclass(frozen=True)
class Row:
    """One seed: where it stands, its picture for each prompt, None where that cell failed, and a word on it, if any."""

    seed: int
    rank: int
    value: float
    interval: tuple[float, float] | None
    images: Sequence[Image.Image | None]
    verdict: str = ""


@dataclass(frozen=True)
class Section:
    """Some rows under one heading."""

    heading: str
    accent: str
    rows: Sequence[Row]


def contact_sheet(
    best: Sequence[Row],
    worst: Sequence[Row],
    columns: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
    measure: str,
    notes: Sequence[str] = (),
    headings: tuple[str, str] = ("Best", "Worst"),
    golden: Sequence[Row] = (),
    cells: Sequence[Size] | None = None,
) -> None:
    """Draw the sheet and write it as a PNG: the whole file, or what was there before.

    Args:
        best, worst: seeds from the top and from the bottom of the table, each with one picture for each column.
        columns: what stands over the pictures, such as the prompts.
        path: the PNG file.
        title: the heading of the sheet.
        measure: what the values are, such as `fd_efficientnet_lite0 (lower is better), 95 % interval`.
        notes: sentences under the title; each becomes a paragraph.
        headings: of the two parts of the table.
        golden: seeds that stand above both.
        cells: width and height of each column's pictures on the page; None: all as large as the first picture suggests.

    Raises:
        ValueError: no columns, no rows, or a row with another number of pictures than columns.
        OSError: there is no such folder.
        StorageError: the folder cannot be written, or is full.
    """
    sheet = draw_sheet(
        best,
        worst,
        columns,
        title=title,
        measure=measure,
        notes=notes,
        headings=headings,
        golden=golden,
        cells=cells,
    )
    with replacing(Path(path)) as scratch:
        sheet.save(scratch, "PNG", optimize=True)


def draw_sheet(
    best: Sequence[Row],
    worst: Sequence[Row],
    columns: Sequence[str],
    *,
    title: str,
    measure: str,
    notes: Sequence[str] = (),
    headings: tuple[str, str] = ("Best", "Worst"),
    golden: Sequence[Row] = (),
    cells: Sequence[Size] | None = None,
) -> Image.Image:
    """Draw the sheet: an RGB image. Arguments and errors as for `contact_sheet`."""
    parts = [("Golden", BEST, golden), (headings[0], BEST, best), (headings[1], WORST, worst)]
    sections = [Section(*part) for part in parts]
    return draw_sections(sections, columns, title=title, measure=measure, notes=notes, cells=cells)


def draw_sections(
    sections: Sequence[Section],
    columns: Sequence[str],
    *,
    title: str,
    measure: str,
    notes: Sequence[str] = (),
    cells: Sequence[Size] | None = None,
) -> Image.Image:
    """As `draw_sheet`, of any parts of a table; those without rows are left out."""
    sections = [section for section in sections if section.rows]
    rows = [row for section in sections for row in section.rows]
    if not columns or not rows:
        raise ValueError("A contact sheet needs at least one prompt and one seed.")
    for row in rows:
        if len(row.images) != len(columns):
            raise ValueError(f"Seed {row.seed} has {len(row.images)} pictures for {len(columns)} prompts.")
    cells = [_cell_size(rows)] * len(columns) if cells is None else cells
    width = MARGIN + LABEL_WIDTH + LABEL_GAP + sum(cell[0] + GAP for cell in cells) - GAP + MARGIN
    sheet = _Sheet(max(width, 640), cells, _Axis.of(rows))
    sheet.top(title, measure, notes)
    for section in sections:
        sheet.section(section, columns)
    return sheet.finished()


@dataclass(frozen=True)
class _Axis:
    """The axis that the values of all rows share, and the digits behind the point that they are written with."""

    low: float
    high: float
    decimals: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        ends = [end for row in rows for end in (row.value, *(row.interval or ()))]
        largest = max(abs(end) for end in ends) or 1.0
        return cls(min(ends), max(ends), decimals=min(12, max(0, 2 - math.floor(math.log10(largest)))))

    def place(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5

    def written(self, value: float) -> str:
        return f"{value:.{self.decimals}f}"


class _Sheet:
    """A page that is filled from the top. Draws on a canvas that grows; y is where the next thing goes, in pixels."""

    def __init__(self, width: int, cells: Sequence[Size], axis: _Axis) -> None:
        self.width, self.cells, self.axis = width, cells, axis
        self.row_height = max(height for _, height in cells)
        self.canvas = Image.new("RGB", (width, 512), PAPER)
        self.y = MARGIN

    def top(self, title: str, measure: str, notes: Sequence[str]) -> None:
        self._paragraph(title, TITLE, INK)
        self.y += 4
        self._paragraph(measure, TEXT, GREY)
        for note in notes:
            self.y += 4
            self._paragraph(note, TEXT, GREY)
        self.y += 18

    def section(self, section: Section, columns: Sequence[str]) -> None:
        """A heading with a rule, the prompts, then the rows."""
        draw = self._room(line_height(HEADING) + 14)
        self.y += 6
        draw.text((MARGIN, self.y), section.heading, section.accent, font(HEADING))
        middle = self.y + line_height(HEADING) // 2
        end = MARGIN + draw.textlength(section.heading, font(HEADING)) + 10
        draw.line((end, middle, self.width - MARGIN, middle), LINE, 1)
        self.y += line_height(HEADING) + 6
        self._column_heads(columns)
        for row in section.rows:
            self._row(row, section.accent)
        self.y += 10

    def finished(self) -> Image.Image:
        low, high = self.axis.written(self.axis.low), self.axis.written(self.axis.high)
        legend = f"Dot and bar: the value and its interval, on an axis from {low} to {high} that all seeds share."
        self._paragraph(legend, SMALL, GREY)
        return self.canvas.crop((0, 0, self.width, self.y + MARGIN))

    def _column_heads(self, columns: Sequence[str]) -> None:
        """Prompts in a few lines each, standing on the pictures."""
        heads = [
            wrapped(plain_letters(prompt), SMALL, cell[0], HEAD_LINES)
            for prompt, cell in zip(columns, self.cells, strict=True)
        ]
        step = line_height(SMALL)
        draw = self._room(step * max(map(len, heads)))
        bottom = self.y + step * max(map(len, heads))
        for x, head in zip(self._columns(), heads, strict=True):
            for place, line in enumerate(head):
                draw.text((x, bottom - step * (len(head) - place)), line, INK, font(SMALL))
        self.y = bottom + 6

    def _row(self, row: Row, accent: str) -> None:
        label_height = self._label(row, accent)
        for x, cell, image in zip(self._columns(), self.cells, row.images, strict=True):
            if image is None:
                self.canvas.paste(failed(cell), (x, self.y))
            else:
                scaled = fitted(image, cell)
                left, top = centred(scaled.size, cell)
                self.canvas.paste(scaled, (x + left, self.y + top))
        self.y += max(self.row_height, label_height) + GAP

    def _label(self, row: Row, accent: str) -> int:
        """Seed, rank, value and interval, in words and on the axis, centred beside the pictures; its height."""
        interval = "no interval" if row.interval is None else " to ".join(map(self.axis.written, row.interval))
        lines = [
            (f"seed {row.seed}", _fitting(f"seed {row.seed}", HEADING, LABEL_WIDTH), INK),
            (f"rank {row.rank}" + (f", {row.verdict}" if row.verdict else ""), SMALL, GREY),
            (self.axis.written(row.value), TEXT, INK),
            (interval, SMALL, GREY),
        ]
        height = sum(line_height(size) for _, size, _ in lines) + 16
        draw = self._room(max(height, self.row_height) + GAP)
        y = self.y + max(0, (self.row_height - height) // 2)
        for text, size, colour in lines:
            draw.text((MARGIN, y), text, colour, font(size))
            y += line_height(size)
        self.canvas.paste(_whisker(self.axis, row, accent), (MARGIN, y + 4))
        return height

    def _columns(self) -> Iterator[int]:
        """The left edges of the columns."""
        x = MARGIN + LABEL_WIDTH + LABEL_GAP
        for width, _ in self.cells:
            yield x
            x += width + GAP

    def _paragraph(self, text: str, size: int, colour: str) -> None:
        lines = wrapped(plain_letters(text), size, self.width - 2 * MARGIN, 6)
        draw = self._room(len(lines) * line_height(size))
        for line in lines:
            draw.text((MARGIN, self.y), line, colour, font(size))
            self.y += line_height(size)

    def _room(self, height: int) -> ImageDraw.ImageDraw:
        """Make the canvas long enough for `height` more pixels and a margin."""
        if self.y + height + MARGIN > self.canvas.height:
            longer = Image.new("RGB", (self.width, 2 * self.canvas.height + height), PAPER)
            longer.paste(self.canvas)
            self.canvas = longer
        return ImageDraw.Draw(self.canvas)


def _cell_size(rows: Sequence[Row]) -> tuple[int, int]:
    """Width and height of a cell: that of the first picture, enlarged a whole number of times or shrunk."""
    size = next((image.size for row in rows for image in row.images if image is not None), (64, 64))
    longest = max(size)
    if longest <= SMALL_SIDE:
        times = max(1, round(SMALL_SIDE / longest))
        return size[0] * times, size[1] * times
    shrink = min(1.0, LARGE_SIDE / longest)
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _whisker(axis: _Axis, row: Row, accent: str) -> Image.Image:
    """The value as a dot on its interval, on the axis; drawn four times as large, for smooth edges."""
    fine, height, radius = 4, 12, 4.5
    strip = Image.new("RGB", (LABEL_WIDTH * fine, height * fine), PAPER)
    draw = ImageDraw.Draw(strip)
    middle = height * fine / 2

    def place(value: float) -> float:
        return fine * (radius + (LABEL_WIDTH - 2 * radius) * axis.place(value))

    draw.line((0, middle, strip.width, middle), LINE, fine)
    if row.interval is not None:
        draw.line((place(row.interval[0]), middle, place(row.interval[1]), middle), accent, 3 * fine)
    draw.circle((place(row.value), middle), radius * fine, accent)
    return strip.resize((LABEL_WIDTH, height), Image.Resampling.LANCZOS)


def _fitting(text: str, size: int, width: int) -> int:
    """The largest font size up to `size` at which the text is at most `width` pixels long."""
    return next((fit for fit in range(size, 7, -1) if font(fit).getlength(text) <= width), 7)
