"""Which seeds are golden and worst, by what they are worth on some prompts."""

from __future__ import annotations

import numpy as np

from seedscope.analysis.experiments.golden_table.arms import by_values, places, random_of, worst_of

SEEDS = [4, 7, 2, 9, 1]
A, B = np.array([5.0, 4.0, 3.0, 2.0, np.nan]), np.array([0.0, 3.0, 9.0, 1.0, 8.0])


def test_the_best_are_first_and_a_seed_without_a_value_is_left_out() -> None:
    assert by_values(SEEDS, {"a": A}, {}, 2, both=False) == ([4, 7, 2, 9], [4, 7])
    assert by_values(SEEDS, {"b": B}, {}, 3, both=False) == ([2, 1, 7, 9, 4], [2, 1, 7])


def test_weights_say_what_counts_more() -> None:
    assert by_values(SEEDS, {"a": A, "b": B}, {}, 1, both=False)[1] == [2]
    assert by_values(SEEDS, {"a": A, "b": B}, {"a": 100.0}, 1, both=False)[1] == [4]


def test_by_overlap_a_seed_is_among_the_best_by_both() -> None:
    assert by_values(SEEDS, {"a": A, "b": B}, {}, 3, both=True)[1] == [2, 7]
    assert by_values(SEEDS, {"a": A, "b": B}, {}, 1, both=True)[1] == []


def test_places_are_those_of_the_seeds() -> None:
    assert places([9, 4], np.array(SEEDS)).tolist() == [3, 0]


def test_no_golden_seed_is_among_the_worst_and_these_are_fewer_than_the_random_ones() -> None:
    assert worst_of(range(40), range(24)) == list(range(32, 40))
    assert worst_of(range(32), range(16)) == list(range(24, 32))
    assert worst_of(range(40), [0, 39]) == [37, 38]


def test_the_worst_seed_is_among_the_random_ones_as_often_as_any_other() -> None:
    """Whoever draws seeds gets broken ones too."""
    drawn = [random_of(range(40), [0, 1], 19, np.random.default_rng(seed)) for seed in range(400)]
    assert all(len(set(seeds)) == 19 and not {0, 1} & set(seeds) for seeds in drawn)
    assert 160 < sum(39 in seeds for seeds in drawn) < 240
