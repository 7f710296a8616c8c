"""Pages of variations: the pictures of a seed on the way to another one, a row a seed; and the curves of all seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from seedscope.analysis.seeds.scores.bearing import Way
from seedscope.analysis.seeds.scores.variations import Variations
from seedscope.analysis.sheets.bearing_sheet import bearing_sheet
from seedscope.analysis.sheets.curve_sheet import Panel, curve_sheet
from seedscope.pipeline.images import Pixels


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
    """Draw the page of pictures and write it as a PNG.

    Args:
        seeds: S, as of `found`.
        pictures: T + 1 times S of one prompt, the seeds' own first.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    bearing_sheet(
        found,
        seeds,
        lambda seed: [None if (pixels := of[seed]) is None else Image.fromarray(pixels) for of in pictures],
        ["the seed itself", *(f"strength {strength:g}" for strength in found.strengths)],
        path,
        title=title,
        measure=f"Mean distance on the way by {feature}, where other seeds' pictures are 1 apart, with its 95 % interval",
        notes=[f"The prompt: {prompt}. Strength 1 is the picture of another seed, the same one in every row."],
    )


def variation_curves(found: Variations, seeds: Sequence[int], path: Path, *, feature: str, title: str) -> None:
    """Draw the curves of distance over strength and write them as a PNG.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    places = np.r_[0.0, found.strengths]
    curves, middle = np.pad(found.curve.mean, ((1, 0), (0, 0))), found.all
    panel = Panel(
        "Distance from the seed's own picture",
        places,
        [f"{place:g}" for place in places],
        curves,
        Way(*(np.r_[0.0, ends] for ends in (middle.mean, middle.lo, middle.hi))),
        np.tile(found.spread, (len(places), 1)),
    )
    notes = [f"Distances by {feature}, where other seeds' pictures are 1 apart; means over {found.prompts} prompts."]
    curve_sheet([panel], found, seeds, path, title=title, notes=notes, axis="strength")
