"""The contact sheet shows every picture where it belongs, and stays in shape with awkward input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seedscope.analysis.sheets.contact_sheet import Row, contact_sheet, draw_sheet
from seedscope.analysis.sheets.paper import MARGIN, SHADE, SMALL, font, plain_letters, wrapped

HEADINGS = {"title": "Best and worst of 32 seeds", "measure": "fd_efficientnet_lite0 (lower is better), 95 % interval"}
Colour = tuple[int, int, int]


def plain(colour: Colour, size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def row(seed: int, images: list[Image.Image | None], value: float = 40.0) -> Row:
    return Row(seed, rank=seed + 1, value=value, interval=(value - 2, value + 3), images=images)


def area(drawn: Image.Image, colour: Colour) -> tuple[int, int, int]:
    """How many pixels have exactly this colour, and the x and y of the first and leftmost of them."""
    ys, xs = np.nonzero((np.asarray(drawn) == np.asarray(colour)).all(axis=-1))
    return len(ys), int(xs.min(initial=1 << 30)), int(ys.min(initial=1 << 30))


def test_every_picture_is_in_its_row_and_column() -> None:
    colours = [[(10 + 40 * r, 20 + 50 * c, 200) for c in range(3)] for r in range(4)]
    rows = [row(r, [plain(colour) for colour in colours[r]]) for r in range(4)]
    drawn = draw_sheet(rows[:2], rows[2:], ["one", "two", "three"], **HEADINGS)
    found = [[area(drawn, colour) for colour in line] for line in colours]
    assert all(count == 128 * 128 for line in found for count, _, _ in line)
    xs = [[x for _, x, _ in line] for line in found]
    ys = [[y for _, _, y in line] for line in found]
    assert xs == [sorted(xs[0])] * 4, "columns stand under each other, left to right"
    assert all(len(set(line)) == 1 for line in ys), "a row is level"
    assert [line[0] for line in ys] == sorted({line[0] for line in ys}), "best above worst, in the order given"


def test_failed_cells_are_hatched_boxes() -> None:
    red, blue = (250, 0, 0), (0, 0, 250)
    with_hole = draw_sheet([row(0, [plain(red), None])], [row(1, [plain(blue), plain(red)])], ["a", "b"], **HEADINGS)
    whole = draw_sheet([row(0, [plain(red), plain(blue)])], [row(1, [plain(blue), plain(red)])], ["a", "b"], **HEADINGS)
    assert with_hole.size == whole.size
    assert area(with_hole, red)[0] == area(whole, red)[0]
    assert area(with_hole, blue)[0] == area(whole, blue)[0] - 128 * 128
    shade = tuple(bytes.fromhex(SHADE[1:]))
    assert len(shade) == 3
    assert area(with_hole, shade)[0] > 128 * 128 / 2
    assert area(whole, shade)[0] == 0


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((64, 64), (128, 128)),
        ((96, 96), (96, 96)),
        ((16, 16), (128, 128)),
        ((64, 16), (128, 32)),
        ((150, 150), (150, 150)),
        ((512, 512), (192, 192)),
        ((768, 384), (192, 96)),
    ],
)
def test_pictures_are_shown_in_a_readable_size(size: tuple[int, int], shown: tuple[int, int]) -> None:
    red = (250, 0, 0)
    rows = [row(seed, [plain(red, size)]) for seed in range(3)]
    drawn = draw_sheet(rows[:1], rows[1:], ["a"], **HEADINGS)
    assert area(drawn, red)[0] == 3 * shown[0] * shown[1], "and none covers another"


def test_golden_seeds_stand_above_the_best() -> None:
    golden, best = (250, 0, 0), (0, 0, 250)
    drawn = draw_sheet([row(1, [plain(best)])], [], ["a"], golden=[row(0, [plain(golden)])], **HEADINGS)
    tops = [int(np.nonzero((np.asarray(drawn) == colour).all(axis=2))[0].min()) for colour in (golden, best)]
    assert tops[0] < tops[1]


def test_awkward_input_is_drawn() -> None:
    grey = Image.new("L", (64, 64), 90)
    glass = Image.new("RGBA", (32, 64), (0, 0, 250, 255))
    rows = [
        Row(2**63 - 1, 1, 0.0, None, [None, None]),
        Row(0, 1_000_000, -12345.678, (-2e9, 3e-9), [grey, glass]),
    ]
    prompts = ["", "Donaudampfschifffahrtsgesellschaftskapitän\n\n <b>&amp;</b> " * 20]
    drawn = draw_sheet(rows, [], prompts, title="t" * 500, measure="", notes=["a note " * 100, ""])
    assert drawn.mode == "RGB"
    assert area(drawn, (90, 90, 90))[0] >= 128 * 128
    margin = np.asarray(drawn)[:, -MARGIN + 2 :]
    assert (margin == 255).all(), "nothing runs over the right margin"
    bottom = np.asarray(drawn)[-MARGIN + 8 :]
    assert (bottom == 255).all()


def test_equal_values_without_intervals_are_drawn() -> None:
    rows = [Row(seed, 1, 5.0, None, [plain((250, 0, 0))]) for seed in range(2)]
    assert area(draw_sheet(rows, [], ["a"], **HEADINGS), (250, 0, 0))[0] == 2 * 128 * 128


def test_the_file_is_the_same_png_every_time(tmp_path: Path) -> None:
    rows = [row(seed, [plain((250, 0, 0))]) for seed in range(2)]
    for name in ("a.png", "b.png"):
        contact_sheet(rows[:1], rows[1:], ["a"], tmp_path / name, **HEADINGS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as written:
        assert written.format == "PNG"
        assert np.array_equal(np.asarray(written), np.asarray(draw_sheet(rows[:1], rows[1:], ["a"], **HEADINGS)))
    assert {file.name for file in tmp_path.iterdir()} == {"a.png", "b.png"}, "nothing is left beside them"
    with pytest.raises(OSError, match="No such file or directory"):
        contact_sheet(rows, [], ["a"], tmp_path / "nowhere" / "a.png", **HEADINGS)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one prompt and one seed"):
        draw_sheet([], [], ["a"], **HEADINGS)
    with pytest.raises(ValueError, match="at least one prompt and one seed"):
        draw_sheet([row(1, [])], [], [], **HEADINGS)
    with pytest.raises(ValueError, match="Seed 7 has 2 pictures for 1 prompts"):
        draw_sheet([row(7, [None, None])], [], ["a"], **HEADINGS)


def test_letters_that_the_font_lacks_are_replaced_where_they_can_be() -> None:
    assert plain_letters("Café Øl – 3 × „Mütze“, Straße, ﬁn…") == "Cafe Ol - 3 x „Mutze“, Strasse, fin..."
    assert plain_letters("a red fox, 100 % <b>'quoted'</b>") == "a red fox, 100 % <b>'quoted'</b>"
    assert plain_letters("狐") == "狐"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(60, 300), st.integers(1, 5))
def test_wrapped_lines_fit_and_lose_nothing_unseen(text: str, width: int, most: int) -> None:
    lines = wrapped(text, SMALL, width, most)
    assert len(lines) <= most
    assert all(font(SMALL).getlength(line) <= width for line in lines)
    letters = "".join(text.split())
    shown = "".join("".join(lines).split())
    assert shown == letters or (shown.endswith("…") and letters.startswith(shown[:-1]) and len(lines) == most)
