"""A page of the seeds that bear a change best and worst: a row a seed, as far as its pictures go beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from seedscope.analysis.seeds.scores.bearing import Bearing
from seedscope.analysis.sheets.contact_sheet import Row, contact_sheet
from seedscope.analysis.sheets.paper import Size

ROWS = 5
"""Seeds of each part of the page, where its rows are not high."""


def bearing_sheet(
    found: Bearing,
    seeds: Sequence[int],
    images: Callable[[int], Sequence[Image.Image | None]],
    columns: Sequence[str],
    path: Path,
    *,
    title: str,
    measure: str,
    notes: Sequence[str],
    cells: Sequence[Size] | None = None,
    most: int = ROWS,
) -> None:
    """Draw the page and write it as a PNG.

    Args:
        seeds: S, as of `found`.
        images: those of the seed at an index, one for each column.
        columns, title, measure, notes, cells: as of `contact_sheet`.
        most: seeds of each part.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    order = found.order
    ranks = {int(seed): rank for rank, seed in enumerate(order, 1)}
    half = min(most, (len(order) + 1) // 2)

    def row(seed: int) -> Row:
        lo, hi = float(found.area.lo[seed]), float(found.area.hi[seed])
        interval = None if np.isnan(lo) else (lo, hi)
        verdict = found.verdict(seed)
        known = "" if verdict == "as others" else verdict
        return Row(seeds[seed], ranks[seed], float(found.area.mean[seed]), interval, images(seed), known)

    contact_sheet(
        [row(int(seed)) for seed in order[:half]],
        [row(int(seed)) for seed in order[half:][-half:]],
        columns,
        path,
        title=title,
        measure=measure,
        notes=notes,
        headings=("Most stable", "Most brittle"),
        cells=cells,
    )
