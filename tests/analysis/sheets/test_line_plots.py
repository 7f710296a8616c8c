"""A page of curves shows every line, in a colour of its own, where its values are."""

import numpy as np

from seedscope.analysis.sheets.line_plots import BOTTOM, PANEL, TOP, Line, Panel, draw_curves
from seedscope.analysis.sheets.paper import COLOURS, MARGIN


def colour_at(pixels: np.ndarray, colour: str) -> np.ndarray:
    """(n, 2) rows and columns of the pixels of a colour."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return np.argwhere((pixels == wanted).all(axis=-1))


def test_lines_have_their_colours_and_heights() -> None:
    flat = [Line(name, [0, 0.5, 1], [y] * 3, [None] * 3, [None] * 3) for name, y in (("low", 0.1), ("high", 0.9))]
    one = draw_curves([Panel("a", "x", [0, 1], flat)], title="Curves", notes=["What they are."])
    pixels = np.asarray(one)
    low, high = (colour_at(pixels[-PANEL[1] - MARGIN : -MARGIN], colour) for colour in COLOURS[:2])
    assert len(low) > 300 and len(high) > 300
    apart = np.median(low[:, 0]) - np.median(high[:, 0])
    assert abs(apart - 8 / 9 * (PANEL[1] - TOP - BOTTOM)) < 3, "the highest value is at the top"


def test_panels_lie_two_in_a_row_and_bounds_are_drawn() -> None:
    plain = Panel("a", "x", [0, 1], [Line("l", [0, 1], [0.5, 0.5], [None] * 2, [None] * 2)])
    sure = Panel("a", "x", [0, 1], [Line("l", [0, 1], [0.5, 0.5], [0.0, 0.0], [1.0, 1.0])])
    pages = [np.asarray(draw_curves([each] * 3, title="t", notes=[])) for each in (plain, sure)]
    assert pages[0].shape == pages[1].shape and pages[0].shape[0] > 2 * PANEL[1] and pages[0].shape[1] < 3 * PANEL[0]
    of_plain, of_sure = (len(colour_at(page, COLOURS[0])) for page in pages)
    assert of_sure > of_plain


def test_a_line_that_goes_beyond_the_ticks_stays_on_its_panel() -> None:
    line = Line("l", [0, 1, 3], [0.5] * 3, [None] * 3, [None] * 3)
    page = np.asarray(draw_curves([Panel("a", "x", [0, 1], [line])], title="t", notes=[]))[-PANEL[1] - MARGIN : -MARGIN]
    columns = colour_at(page, COLOURS[0])[:, 1] - MARGIN
    assert columns.min() < 56 and PANEL[0] - 30 < columns.max() < PANEL[0] - 10


def test_values_below_zero_and_panels_of_their_own_scale_are_shown_whole() -> None:
    below = Panel("a", "x", [0, 1], [Line("l", [0, 1], [-0.2, -0.2], [-0.3] * 2, [-0.1] * 2)])
    large = Panel("b", "x", [0, 1], [Line("l", [0, 1], [40.0, 40.0], [None] * 2, [None] * 2)])
    page = np.asarray(draw_curves([below, large], title="t", notes=[], one_scale=False))[-PANEL[1] - MARGIN : -MARGIN]
    left, right = (colour_at(side, COLOURS[0]) for side in np.split(page, [MARGIN + PANEL[0]], axis=1))
    height = PANEL[1] - TOP - BOTTOM
    assert abs(np.median(left[:, 0]) - (TOP + height * 2 / 3)) < 4, "0 is above, and the bound below"
    assert abs(left[:, 0].max() - (TOP + height)) < 3
    assert abs(np.median(right[:, 0]) - TOP) < 3, "the highest value of its own panel is at its top"
