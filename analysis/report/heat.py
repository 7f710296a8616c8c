"""Heat maps of layout for the page: small grids, a letter a cell, and what the seeds can be sorted by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seedscope.analysis.report.data import Interval, Layout
from seedscope.analysis.report.plots import mean_place
from seedscope.analysis.report.standings import names

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LARGEST_GRID = 8
NORMAL_95 = 1.96

Heat = Sequence[Sequence[float]]


def encoded(heat: Heat, most: int | None = None) -> dict[str, Any]:
    """A grid as its side and a text: a letter a cell, A for 0 to / for 1, row by row; larger ones averaged to `most` a side."""
    grid = np.asarray(heat, dtype=np.float64)
    side = len(grid)
    if most is not None and side > most and side % (times := math.ceil(side / most)) == 0:
        side //= times
        grid = grid.reshape(side, times, side, times).mean(axis=(1, 3))
    levels = np.rint(np.clip(grid, 0, 1) * (len(LETTERS) - 1)).astype(int)
    return {"side": side, "cells": "".join(LETTERS[level] for level in levels.ravel())}


def mean_heat(layouts: Mapping[int, Layout]) -> Heat | None:
    """The mean over seeds, each weighing the same; None where their grids differ."""
    grids = [np.asarray(layout.heat, dtype=np.float64) for layout in layouts.values() if len(layout.heat)]
    if not grids or len({grid.shape for grid in grids}) > 1:
        return None
    mean: Heat = np.mean(grids, axis=0).tolist()
    return mean


def heat_columns(layouts: Mapping[int, Layout]) -> dict[str, Any]:
    """All seeds for the page's script: a list for each column."""
    drawn = {seed: layout for seed, layout in layouts.items() if len(layout.heat)}
    means = [mean_place(layout) or (None, None) for layout in drawn.values()]
    return {
        "seeds": names(drawn),
        "heat": [encoded(layout.heat, LARGEST_GRID) for layout in drawn.values()],
        "x": [_three(x) for x, _ in means],
        "y": [_three(y) for _, y in means],
        "size": [_three(layout.size) for layout in drawn.values()],
        "nearness": [_three(layout.nearness) for layout in drawn.values()],
    }


def chance_box(layouts: Mapping[int, Layout]) -> tuple[Interval, Interval] | None:
    """In which x and y 95 % of the seeds' mean positions would lie if all pictures' positions had one distribution.

    The mean of all pictures, and 1.96 standard deviations of one picture over the root of the pictures of a seed. Positions
    that belong to prompts are in that deviation, though they are the same for all seeds: the box is rather too wide.
    None for fewer than two pictures.
    """
    points = [point for layout in layouts.values() for point in layout.centroids]
    if len(points) < 2:
        return None
    places = np.asarray(points, dtype=np.float64)
    pictures = len(points) / sum(1 for layout in layouts.values() if layout.centroids)
    middle, reach = places.mean(axis=0), NORMAL_95 * places.std(axis=0, ddof=1) / math.sqrt(pictures)
    x, y = ((float(m - r), float(m + r)) for m, r in zip(middle, reach, strict=True))
    return x, y


def _three(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
