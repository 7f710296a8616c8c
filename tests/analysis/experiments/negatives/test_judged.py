"""An effect that was put in is found, told and drawn; where there is none, none is."""

import numpy as np
import pytest

from seedscope.analysis.experiments.negatives.judged import Judged, compared, seed_share, success
from seedscope.analysis.experiments.negatives.measured import Design
from seedscope.analysis.experiments.negatives.onsets import spread
from seedscope.analysis.experiments.negatives.told import plot, table, tables, told
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.sheets.paper import COLOURS
from seedscope.pipeline.study.negative_pairs import NegativePair

ONSETS = [0, 4, 8]


def found(taken: float, *, place_known: bool = True) -> Judged:
    """Pairs whose negative prompt takes so much away from the first step on, and half of that from the fourth."""
    rng = np.random.default_rng(4)
    pairs = [NegativePair(f"a {name}", "red", name, "key", "object", name) for name in "abcdef"]
    design = Design(pairs, {"negative": list("abcdef"), "null": list("uvwxyz")}, range(8), ONSETS)
    noise = {kind: 0.01 * rng.standard_normal((3, 6, 8)) for kind in ("negative", "null")}
    for values in noise.values():
        values[-1] = 0
    present = noise["negative"] - taken * np.array([1, 0.5, 0])[:, None, None]
    rise = np.linspace(1, 2, 8)[:, None, None] + 0.1 * rng.standard_normal((8, 6, 8))
    strength = {"negative": rise, "null": rise[::-1].copy()}
    change = {kind: np.abs(values) for kind, values in noise.items()}
    return Judged(
        design,
        compared(strength, design.groups),
        compared({"negative": present, "null": noise["null"]}, design.groups),
        0.1,
        compared(change, design.groups),
        place_known,
        None,
        "It does not vary.",
    )


def test_what_is_taken_away_is_told_with_when_half_of_it_is_left() -> None:
    judged = found(0.2)
    assert judged.acts and judged.half == pytest.approx(4, abs=0.3)
    said = " ".join(told(judged, "clip_score"))
    assert "leaves less of the unwanted, by clip_score: -0.2" in said and "for the onsets 0, 4" in said
    assert (
        "highest at the last step" in said
        and "a change of 0.989 (0.94" in said
        and "outside its place" in said
        and "cannot be told: It does not" in said
    )
    rows = tables(judged)[0].rows
    assert [row[0] for row in rows] == ONSETS and rows[2][3] == "0 (0 to 0)" and rows[2][4] == 1.0


def test_nothing_is_told_where_nothing_is_taken_away() -> None:
    judged = found(0.0, place_known=False)
    assert not judged.acts and judged.half is None
    said = " ".join(told(judged, "clip_score"))
    assert "no less of the unwanted" in said and "half of that is left" not in said
    assert "over the whole picture, for the study measures no layout" in said


def test_the_table_has_all_pairs_together_and_each() -> None:
    rows = table(found(0.2)).to_pylist()
    whole = [row for row in rows if row["prompt"] is None]
    assert len(whole) == 3 * (8 + 3 + 3) and len(rows) == len(whole) + 2 * 6 * (8 + 3 + 3)
    (first,) = (row for row in whole if (row["measure"], row["kind"], row["step"]) == ("presence", "difference", 0))
    assert first["lo"] < -0.2 + 0.02 and first["hi"] < 0 and first["p"] < 1e-4


def test_the_plot_has_a_line_for_the_negative_prompts_and_one_for_the_null() -> None:
    pixels = np.asarray(plot(found(0.2), "sprout", "clip_score"))
    for colour in COLOURS[:2]:
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert (pixels == wanted).all(axis=-1).sum() > 500


def test_the_seeds_share_is_found_where_there_is_one_and_else_not() -> None:
    rng = np.random.default_rng(5)
    groups, noise = list("abcdefghijkl"), rng.standard_normal((12, 8))
    planted = seed_share(noise + 2 * rng.standard_normal(8), groups, rng)
    nothing = seed_share(noise, groups, rng)
    assert planted.share > 0.3 and planted.lo > 0.05 and planted.p < 0.01
    assert nothing.lo < 0.02 and nothing.share < 0.2 and nothing.p > 0.05
    with pytest.raises(StatisticsError):
        seed_share(np.full((12, 8), np.nan), groups, rng)


def test_what_only_the_plain_picture_has_is_no_success_of_a_seed() -> None:
    rng, groups = np.random.default_rng(6), list("abcdefghijkl")
    plain = 2 * rng.standard_normal(8) + 0.1 * rng.standard_normal((12, 8))
    anew = {kind: rng.standard_normal((12, 8)) for kind in ("negative", "null")}
    less = {kind: np.stack([values - plain, 0 * plain]) for kind, values in anew.items()}
    assert seed_share(-less["negative"][0], groups, rng).p < 0.01, "the mean that is returned to"
    net = seed_share(success(less), groups, rng)
    assert net.p > 0.05 and net.lo < 0.02
    less["negative"][0] -= 2 * rng.standard_normal(8)
    assert seed_share(success(less), groups, rng).p < 0.01


def test_onsets_are_spread_over_the_steps() -> None:
    assert spread(20) == [0, 2, 5, 8, 11, 14, 17, 20] and spread(2) == [0, 1, 2] and spread(50)[-1] == 50
