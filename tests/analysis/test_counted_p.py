"""A counted p in words: a number, or a bound that says how many draws it rests on."""

import pytest

from seedscope.analysis.counted_p import counted_number, counted_p


@pytest.mark.parametrize("draws", [1, 19, 100, 999, 100_000])
def test_only_a_p_that_no_draw_reached_is_a_bound(draws: int) -> None:
    floor, next_to_it = 1 / (draws + 1), 2 / (draws + 1)
    assert counted_p(floor, draws) == f"p <= {floor:.2g}, the least that {draws:,} shuffles can show"
    assert counted_number(floor, draws) == f"≤ {floor:.2g}"
    assert (counted_p(next_to_it, draws), counted_number(next_to_it, draws)) == (
        f"p = {next_to_it:.2g}",
        f"{next_to_it:.2g}",
    )
    assert counted_p(1.0, draws) == "p = 1"


def test_draws_are_called_what_they_are() -> None:
    assert counted_p(0.025, 39, "single clouds") == "p <= 0.025, the least that 39 single clouds can show"
