"""Degenerate seeds: every control is found among seeds of real pictures, and none where nothing is wrong or all are alike."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from degenerate_pictures import CONTROLS, Control, black_every, blurred, each, of_colours, with_noise

from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.select.degenerate import degenerate, gaps
from seedscope.analysis.select.picture_set import PictureSet, picture_set, sketch
from seedscope.pipeline.images import Pixels, decode

PROMPTS, SEEDS = 16, 12


@cache
def real() -> Sequence[Sequence[Pixels]]:
    """Seeds x prompts real pictures of 64 x 64."""
    source = RealImages.named("sprout")
    rows = source.read(source.units()[0])["image"].to_pylist()[: PROMPTS * SEEDS]
    pictures = [decode(row["bytes"]) for row in rows]
    return [pictures[i : i + PROMPTS] for i in range(0, len(pictures), PROMPTS)]


def seen(pictures: Sequence[Pixels]) -> PictureSet:
    return picture_set([sketch(one) for one in pictures])


@cache
def sets() -> list[PictureSet]:
    return [seen(pictures) for pictures in real()]


def others(sets: Sequence[PictureSet], seed: int) -> list[PictureSet]:
    return [one for place, one in enumerate(sets) if place != seed]


def test_no_seed_of_real_pictures_is_degenerate() -> None:
    for seed, one in enumerate(sets()):
        assert degenerate(one, others(sets(), seed)) is None
        assert max(gap.octaves / gap.allowed for gap in gaps(one, others(sets(), seed))) < 0.75


@pytest.mark.parametrize("count", [8, 12, 16])
def test_nor_of_few_of_their_pictures_in_any_order(count: int) -> None:
    rng = np.random.default_rng(count)
    sketches = [sketch(one) for pictures in real() for one in pictures]
    for _ in range(20):
        drawn = rng.permutation(len(sketches))[: 6 * count].reshape(6, count)
        some = [picture_set([sketches[i] for i in row]) for row in drawn]
        assert not any(degenerate(one, others(some, seed)) for seed, one in enumerate(some))


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("seed", [0, 5, 9])
def test_every_control_is_found(name: str, seed: int) -> None:
    assert degenerate(seen(CONTROLS[name](real()[seed])), others(sets(), seed)) is not None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("black", "their contrast (grey levels, lower quartile) is 0.0, the median seed's "),
        ("two colours", "their tones (bits of luminance, lower quartile) is 0."),
        ("noise", "their fine detail (lower quartile) is 4."),
        ("blurred, radius 3", "their fine detail (lower quartile) is 0.0"),
        ("each picture twice", "their share of distinct pictures is 0.50, the median seed's 1.00"),
    ],
)
def test_the_reason_names_what_is_wrong(name: str, reason: str) -> None:
    gap = degenerate(seen(CONTROLS[name](real()[0])), others(sets(), 0))
    assert gap is not None
    assert gap.reason().startswith(reason)


@pytest.mark.parametrize(
    "slight",
    [
        each(lambda one: one // 2),
        each(lambda one: 255 - one),
        each(lambda one: one[::-1]),
        each(lambda one: np.repeat(one.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)),
        with_noise(4),
        blurred(0.5),
        of_colours(64),
        black_every(8),
    ],
    ids=[
        "half as bright",
        "negative",
        "upside down",
        "grey",
        "a little noise",
        "a little blur",
        "64 colours",
        "an eighth black",
    ],
)
def test_what_is_not_extreme_is_no_reason(slight: Control) -> None:
    for seed in range(SEEDS):
        assert degenerate(seen(slight(real()[seed])), others(sets(), seed)) is None


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "one picture repeated"])
def test_where_all_seeds_are_alike_none_is_degenerate(name: str) -> None:
    """With one picture a seed, seeds are as unlike as single pictures are: these are not alike."""
    same = [seen(CONTROLS[name](pictures)) for pictures in real()]
    assert not any(degenerate(one, others(same, seed)) for seed, one in enumerate(same))


def test_real_pictures_pass_among_flat_ones() -> None:
    flat = [seen(CONTROLS["grey"](pictures)) for pictures in real()[1:]]
    assert degenerate(sets()[0], flat) is None


def test_several_degenerate_seeds_do_not_hide_each_other() -> None:
    black = seen(CONTROLS["black"](real()[0]))
    mixed = [black] * 4 + sets()[4:]
    found = [seed for seed, one in enumerate(mixed) if degenerate(one, others(mixed, seed))]
    assert found == [0, 1, 2, 3]


def test_with_few_other_seeds_nothing_is_said() -> None:
    black = seen(CONTROLS["black"](real()[0]))
    assert gaps(black, sets()[:3]) == []
    assert degenerate(black, sets()[:4]) is not None


def test_where_seeds_differ_as_much_anyway_none_is_barred() -> None:
    """The wide ratio alone would bar a seed of a tenth of the median's contrast; four robust deviations do not."""

    def of(contrast: float) -> PictureSet:
        return PictureSet(contrast, np.nan, (np.nan, np.nan), np.nan, np.nan)

    spread = [of(contrast) for contrast in (10, 20, 30, 40, 80, 120)]
    (gap,) = gaps(of(4), spread)
    logs = np.log2([10, 20, 30, 40, 80, 120])
    assert gap.median == 35
    assert gap.allowed == pytest.approx(4 * 1.4826 * np.median(np.abs(logs - np.median(logs))))
    assert gap.octaves == pytest.approx(np.median(logs) - 2)
    assert not gap.bars
    assert degenerate(of(4), [of(contrast) for contrast in (34, 35, 35, 35, 36)]) is not None


def test_small_differences_never_bar_a_seed() -> None:
    """The others are exactly alike, so that their spread is 0."""
    same = [PictureSet(30, 6, (0.5, 0.8), 50, 1.0)] * 5
    assert degenerate(PictureSet(7.6, 1.6, (0.2, 2.3), 17, 0.85), same) is None
    for barred in (
        PictureSet(7.4, 6, (0.5, 0.8), 50, 1.0),
        PictureSet(30, 1.4, (0.5, 0.8), 50, 1.0),
        PictureSet(30, 6, (0.16, 0.8), 50, 1.0),
        PictureSet(30, 6, (1.51, 2.3), 50, 1.0),
        PictureSet(30, 6, (0.5, 2.41), 50, 1.0),
        PictureSet(30, 6, (0.1, 0.26), 50, 1.0),
        PictureSet(30, 6, (0.5, 0.8), 16, 1.0),
        PictureSet(30, 6, (0.5, 0.8), 50, 0.79),
    ):
        assert degenerate(barred, same) is not None, barred
    assert degenerate(PictureSet(300, 8, (0.5, 0.8), 500, 1.0), same) is None, "more of these is no fault"
