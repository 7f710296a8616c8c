"""Curves stand where their values are, and names of seeds beside them, none on another."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageColor

from seedscope.analysis.seeds.scores.bearing import Bearing, Way, bearing
from seedscope.analysis.sheets.curve_sheet import COLOUR, HEIGHT, Panel, _spread, draw_curves
from seedscope.analysis.sheets.paper import MARGIN

SEEDS = 8


def planted() -> tuple[Bearing, Panel]:
    """The first seed is stable, the last brittle; curves are flat."""
    rng = np.random.default_rng(0)
    level = np.r_[0.2, np.full(SEEDS - 2, 0.6), 1.0]
    areas = level + 0.02 * rng.standard_normal((20, SEEDS))
    flat = np.tile(level, (3, 1))
    middle = np.full(3, 0.6)
    panel = Panel(
        "P", np.arange(3), ["a", "b", "c"], flat, Way(middle, middle - 0.1, middle + 0.1), np.full((3, 2), 1.0)
    )
    return bearing(areas, np.arange(20), rng), panel


def test_lines_are_as_high_as_their_values_and_have_the_colour_of_the_verdict() -> None:
    found, panel = planted()
    assert [found.verdict(seed) for seed in (0, 3, SEEDS - 1)] == ["stable", "as others", "brittle"]
    drawn = draw_curves([panel], found, range(SEEDS), title="T", notes=["N"], axis="x")
    pixels = np.asarray(drawn)

    def height(colour: str, column: int) -> float:
        off = np.abs(pixels[:, column].astype(int) - ImageColor.getrgb(colour)).sum(axis=-1)  # edges are smooth
        rows = np.flatnonzero((off < 60) & (np.arange(len(pixels)) < drawn.height - 120))
        return float(rows.mean())

    column = MARGIN + 44 + 100
    stable, brittle = height(COLOUR["stable"], column), height(COLOUR["brittle"], column)
    assert stable - brittle == pytest.approx(HEIGHT * 0.8 / (1.04 * 1.1), abs=2)
    edge = pixels[:, -MARGIN // 2 :]
    assert (edge == 255).all(), "nothing runs over the margin"


def test_a_page_has_curves_with_gaps_and_no_intervals() -> None:
    found, panel = planted()
    panel.curves[1, 2] = np.nan
    bare = Panel(
        "P", panel.places, panel.ticks, panel.curves, Way(panel.all.mean, *np.full((2, 3), np.nan)), panel.band
    )
    drawn = draw_curves([bare, bare], found, range(SEEDS), title="T", notes=[], axis="x")
    assert drawn.width > 2 * HEIGHT


def test_names_keep_their_distance_and_stay_near() -> None:
    assert _spread([10, 100, 200], 300) == [10, 100, 200]
    crowded = np.array(_spread([100.0] * 5, 300))
    assert (np.diff(crowded) >= 15 - 1e-9).all() and crowded.mean() == pytest.approx(100)
    many = np.array(_spread([299.0] * 40, 300))
    assert many.min() >= 0 and many.max() <= 300 and (np.diff(many) > 0).all()
