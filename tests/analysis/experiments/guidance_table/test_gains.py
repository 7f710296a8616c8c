"""What a way gains: a planted gain is found with its cost, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.experiments.golden_table.best_of import expected_best
from seedscope.analysis.experiments.guidance_table.gains import GOLDEN, Cells, Gain, between, gains_of

P, S, N = 40, 12, 4


def cells(gain: float, golden: float = 0.0, rng: int = 0) -> Cells:
    """40 prompts in 20 groups, 12 random seeds of which the first four are drawn anew, with noise of 1 within prompts."""
    draw = np.random.default_rng(rng)
    own = draw.standard_normal((P, 1))
    plain = own + draw.standard_normal((P, S))
    return Cells(
        plain,
        plain,
        own + golden + draw.standard_normal((P, 3)),
        {"guided": plain[:, :N] + gain + 0.3 * draw.standard_normal((P, N))},
        plain[:, :N],
        np.repeat(np.arange(P // 2), 2).astype(str),
    )


def test_a_planted_gain_is_found_and_is_more_than_the_best_of_as_many_as_it_costs() -> None:
    found = gains_of(cells(gain=2.0, golden=1.0), {"guided": 2.5})
    guided = found["guided"]
    assert guided.less.lo is not None and guided.less.lo < 2.0 < guided.less.hi and guided.less.lo > 1.5  # type: ignore[operator]  # hi is known where lo is
    assert guided.equal is not None and guided.equal.lo is not None and guided.equal.lo > 0.5
    assert found[GOLDEN].less.lo is not None and found[GOLDEN].less.lo > 0.5


def test_without_a_gain_none_is_found_and_the_best_of_n_does_more() -> None:
    sure = 0
    for rng in range(20):
        found = gains_of(cells(gain=0.0, rng=rng), {"guided": 2.5})
        sure += sum(covers(found[name]) for name in ("guided", GOLDEN))
        equal = found["guided"].equal
        assert equal is not None and equal.hi is not None and equal.hi < 0
    assert sure >= 34  # 38 of 40 intervals of 95 % hold 0


def covers(gain: Gain) -> bool:
    return gain.less.lo is not None and gain.less.hi is not None and gain.less.lo <= 0 <= gain.less.hi


def test_the_best_of_n_is_the_mean_over_all_choices_and_lies_between_at_costs_between() -> None:
    given = cells(gain=1.0)
    best = expected_best(given.plain).mean(axis=0) - given.plain.mean()
    found = gains_of(given, {"guided": 2.4})
    for n in (2, 4, 8):
        assert found[f"best of {n}"].less.mean == pytest.approx(best[n - 1])
    equal = found["guided"].equal
    assert equal is not None
    assert found["guided"].less.mean - equal.mean == pytest.approx(0.6 * best[1] + 0.4 * best[2])


def test_a_cost_is_between_whole_numbers_and_no_less_than_a_picture() -> None:
    assert between(2.4) == (2, 3, pytest.approx(0.4)) and between(3.0) == (3, 3, 0.0) and between(0.8) == (1, 1, 0.0)


def test_what_costs_more_seeds_than_there_are_or_is_not_known_is_not_compared() -> None:
    given = cells(gain=1.0)
    assert gains_of(given, {"guided": 12.5})["guided"].equal is None
    assert gains_of(given, {"guided": None})["guided"].equal is None
    same = gains_of(given, {"guided": 1.0})["guided"]
    assert same.equal is not None and same.equal.mean == pytest.approx(same.less.mean)
