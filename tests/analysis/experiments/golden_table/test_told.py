"""Verdicts of table 1: over all measures together, and no more than the random seeds allow."""

from __future__ import annotations

import pytest

from seedscope.analysis.experiments.golden_table.arms import Arms
from seedscope.analysis.experiments.golden_table.table import Of, Row
from seedscope.analysis.experiments.golden_table.told import tables, told
from seedscope.analysis.select.comparison import Difference

ALL = Arms([1, 2], [8, 9], range(3, 10), 7, range(1, 10), "Golden are the 2 best")
SOME = Arms([1, 2], [8, 9], range(3, 10), 40, range(1, 10), "Golden are the 2 best")


def row(p: float, as_good: float | None = 0.01, of: Of = "pictures") -> Row:
    less, none = Difference(0.3, 0.1, 0.5, p), Difference(0.0, -0.1, 0.1, 0.9)
    better = "higher" if of == "pictures" else "lower"
    return Row("m", better, of, 8, 8, 1.0, 1.3, 1.0, less, none, as_good)


def test_one_small_p_of_many_is_no_verdict() -> None:
    assert "Golden seeds are better." in told([row(0.03)], ALL, "prompts")[1]
    rows = [row(0.03), *(row(0.9) for _ in range(4))]
    said = told(rows, ALL, "prompts")
    assert "q <= 0.05 over all 5 measures" in said[0]
    assert "A difference is not shown: q = 0.15 over all measures." in said[1]
    assert tables(rows)[0].rows[0][8] == pytest.approx(0.15)
    assert "Golden seeds are better." in told([row(0.001), *rows[1:]], ALL, "prompts")[1]


def test_it_is_said_where_many_random_sets_do_as_well() -> None:
    said = told([row(0.001, as_good=0.3)], ALL, "prompts")[1]
    assert said.endswith("Golden seeds are better, but so many random sets do as well: 30 %.")


def test_a_distance_says_that_drawing_the_random_seeds_is_in_no_interval() -> None:
    said = {len(arms.random) < arms.population: told([row(0.001, None, "sets")], arms, "x")[1] for arms in (ALL, SOME)}
    assert "is in none of its intervals" in said[True] and "is in none of its intervals" not in said[False]
    assert all("Golden seeds are worse." in each for each in said.values())
