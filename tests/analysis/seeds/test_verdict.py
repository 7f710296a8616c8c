"""The verdict says what was shown and no more, "no seed is better than chance" among it."""

from dataclasses import replace

import pyarrow as pa
import pytest

from seedscope.analysis.seeds.ranking import Chance, Ranking
from seedscope.analysis.seeds.verdict import verdict


def ranking(best: float, worst: float, chance: Chance | None, left_out: int = 0) -> Ranking:
    values = pa.array([best, worst, None], pa.float64())
    table = pa.table({"seed": [1, 2, 3], "rank": [1, 2, None], "n": [24] * 3, "fd": values})
    return Ranking("fd", 24, left_out, 8, 1024, 1280, chance, table)


def chance(p_value: float) -> Chance:
    return Chance(100, p_value, best=(20.0, 22.0), worst=(30.0, 32.0))


@pytest.mark.parametrize(
    ("best", "worst", "p_value", "said", "unsaid"),
    [
        (
            10.0,
            40.0,
            0.01,
            ["Yes: they differ", "better than luck", ": worse than bad luck"],
            ["no better", "no worse"],
        ),
        (21.0, 40.0, 0.01, ["Yes: they differ", "no better than luck", ": worse than bad luck"], ["no worse"]),
        (10.0, 31.0, 0.05, [": better than luck", "no worse than bad luck"], ["no better", "Not shown"]),
        (10.0, 40.0, 0.06, ["Not shown", "differ as much (p = 0.06)"], ["Yes", "luck"]),
    ],
)
def test_each_outcome(best: float, worst: float, p_value: float, said: list[str], unsaid: list[str]) -> None:
    text = " ".join(verdict(ranking(best, worst, chance(p_value))))
    assert all(part in text for part in said), text
    assert not any(part in text for part in unsaid), text


def test_a_p_that_no_shuffle_reached_is_told_as_a_bound() -> None:
    text = " ".join(verdict(ranking(10.0, 40.0, chance(1 / 101))))
    assert "between seeds (p <= 0.0099, the least that 100 shuffles can show)." in text
    assert "(p = 0.02)." in " ".join(verdict(ranking(10.0, 40.0, chance(2 / 101))))


def test_what_was_not_tested_or_left_out_is_said() -> None:
    text = " ".join(verdict(ranking(10.0, 40.0, None, left_out=2)))
    assert "was not tested (no shuffles)" in text and "2 prompts were left out" in text
    one_group = replace(ranking(10.0, 40.0, None), groups=1)
    assert "was not tested (all prompts are of one group)" in " ".join(verdict(one_group))
    assert "3 seeds, each with the same 24 prompts, against 1,024 reference pictures" in text


@pytest.mark.parametrize(
    ("best", "worst", "said"),
    [
        (
            0.9,
            0.1,
            ["The best has 90 %, chance alone gives a best of 40 % to 50 %: better than luck", ": worse than bad"],
        ),
        (0.45, 0.25, ["no better than luck", "no worse than bad luck"]),
    ],
)
def test_a_rate_where_higher_is_better(best: float, worst: float, said: list[str]) -> None:
    table = pa.table({"seed": [1, 2], "rank": [1, 2], "n": [24, 24], "cats": [best, worst]})
    luck = Chance(100, 0.01, best=(0.4, 0.5), worst=(0.2, 0.3))
    found = verdict(Ranking("cats", 24, 0, 8, None, None, luck, table, better="higher", rate=True, missing=3))
    text = " ".join(found)
    assert all(part in text for part in said), text
    assert "reference pictures" not in text and "3 cells have no value" in text
