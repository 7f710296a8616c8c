"""What stands first: golden seeds, or the best by rank, beside random ones; and what golden ones are surely better at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_report import made_up

from seedscope.analysis.report.data import Comparison, Estimate, Golden, ReportData
from seedscope.analysis.report.first_look import ROWS, first_look


def gain(measure: str, low: float | None, high: float | None) -> Comparison:
    around = Estimate(0.0)
    return Comparison(
        measure, around, around, around, Estimate(0.0, None if low is None or high is None else (low, high))
    )


@pytest.fixture(scope="module")
def data() -> ReportData:
    return made_up(20, 6, np.random.default_rng(0))


def with_golden(data: ReportData, seeds: list[int], *compared: Comparison) -> ReportData:
    return replace(data, golden=Golden("confirmed", seeds, "said", list(compared)))


def test_golden_seeds_stand_beside_random_ones_that_are_none_of_them(data: ReportData) -> None:
    golden = list(data.ranked[1:5])
    found = first_look(with_golden(data, golden))
    assert [row.kind for row in found.rows] == ["golden", "random"]
    assert list(found.rows[0].seeds) == golden[:ROWS]
    assert not set(found.rows[1].seeds) & set(golden) and set(found.rows[1].seeds) < set(data.ranked)
    assert found.copied == ", ".join(map(str, golden)), "all of them are copied"


def test_without_golden_seeds_the_best_by_rank_are_called_so(data: ReportData) -> None:
    found = first_look(with_golden(data, []))
    assert (found.rows[0].kind, list(found.rows[0].seeds)) == ("best", list(data.ranked[:ROWS]))
    assert not found.copied and not found.gains


def test_what_they_are_better_and_worse_at_is_said_where_it_is_sure(data: ReportData) -> None:
    up, down = (
        next(measured for measured in data.measures if measured.better == better) for better in ("higher", "lower")
    )
    said = first_look(
        with_golden(data, list(data.ranked[:2]), gain(up.name, 0.1, 0.2), gain(down.name, 0.1, 0.2))
    ).gains
    assert f"better by {up.title} and worse by {down.title} than random seeds." in said
    said = first_look(
        with_golden(data, list(data.ranked[:2]), gain(up.name, -0.1, 0.2), gain(down.name, -0.2, -0.1))
    ).gains
    assert f"better by {down.title} than random seeds; by no measure of quality surely worse." in said
    assert not first_look(with_golden(data, list(data.ranked[:2]), gain(up.name, None, None))).gains
