"""A front shows every spot where its numbers say, and 0, 0."""

from PIL import ImageColor

from seedscope.analysis.sheets.front_sheet import PANEL, Front, Spot, _scale, draw_fronts
from seedscope.analysis.sheets.paper import colour_of


def test_scales_hold_all_values_their_bounds_and_zero() -> None:
    scale = _scale([2.0, 5.0], [None, (4.0, 9.0)], 70, 540)
    assert 70 < scale.at(0.0) < scale.at(2.0) < scale.at(9.0) < 540
    assert 0.0 in scale.ticks and 3 <= len(scale.ticks) <= 8
    tiny = _scale([0.0], [None], 0, 100)
    assert tiny.at(0.0) == 50


def test_a_page_has_a_panel_a_front_and_every_line_in_its_colour() -> None:
    line = [Spot(0.1, 0.2, (0.0, 0.2), None, "1"), Spot(0.4, -0.3, None, (-0.5, -0.1), "é2")]
    front = Front("one", "x", "y", {"a": line, "b": [Spot(-0.2, 0.1, None, None)]})
    one, two = (draw_fronts([front] * count, title="Fronts", notes=["a note"]) for count in (1, 2))
    assert two.width - one.width == PANEL[0]
    colours = one.getcolors(one.width * one.height)
    assert colours is not None
    counts = {colour: number for number, colour in colours}
    for number in (1, 2):
        assert counts[ImageColor.getrgb(colour_of(number))] > 100  # type: ignore[index]  # RGB
