"""A page of variations: the seeds that bear them best and worst, a row a seed, from its own picture to the other seed's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from seedscope.analysis.seeds.scores.variations import Variations
from seedscope.analysis.sheets.contact_sheet import Row, contact_sheet
from seedscope.pipeline.images import Pixels

ROWS = 5
"""Seeds of each part of the page."""


def variation_sheet(
    found: Variations,
    seeds: Sequence[int],
    pictures: Sequence[Sequence[Pixels | None]],
    path: Path,
    *,
    prompt: str,
    feature: str,
    title: str,
) -> None:
    """Draw the page and write it as a PNG.

    Args:
        seeds: S, as of `found`.
        pictures: T + 1 times S of one prompt, the seeds' own first.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    order = np.argsort(found.area.mean, kind="stable")
    ranks = {int(seed): rank for rank, seed in enumerate(order, 1)}
    half = min(ROWS, (len(order) + 1) // 2)

    def row(seed: int) -> Row:
        lo, hi = float(found.area.lo[seed]), float(found.area.hi[seed])
        images = [None if (pixels := of[seed]) is None else Image.fromarray(pixels) for of in pictures]
        interval = None if np.isnan(lo) else (lo, hi)
        return Row(seeds[seed], ranks[seed], float(found.area.mean[seed]), interval, images)

    contact_sheet(
        [row(int(seed)) for seed in order[:half]],
        [row(int(seed)) for seed in order[half:][-half:]],
        ["the seed itself", *(f"strength {strength:g}" for strength in found.strengths)],
        path,
        title=title,
        measure=f"Mean distance on the way by {feature}, where other seeds' pictures are 1 apart, with its 95 % interval",
        notes=[f"The prompt: {prompt}. Strength 1 is the picture of another seed, the same one in every row."],
        headings=("Most stable", "Most brittle"),
    )
