"""Blocks and halves: sizes of rounds that were worked out by hand, who stays, and sentences for what cannot be raced."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from seedscope.analysis.select.racing import (
    RaceError,
    Round,
    Rules,
    confirmation,
    kept,
    lacking,
    least_pictures,
    prompts_needed,
    schedule,
)


def blocks(rules: Rules) -> list[tuple[int, int]]:
    return [(block.seeds, block.prompts) for block in schedule(rules)]


@pytest.mark.parametrize(
    ("rules", "rounds", "last"),
    [
        (
            Rules(1024, 16, 27_307, 1000),
            [(1024, 3), (512, 6), (256, 13), (128, 26), (64, 53), (32, 106)],
            Round(80, 85),
        ),
        (Rules(1024, 16, 20_480, 221), [(1024, 2), (512, 5), (256, 10), (128, 20), (64, 40), (32, 80)], Round(80, 64)),
        # 7,680 for the rounds: 1,280 each are less than two prompts of 1,024; two, and 1,126 for each of the others
        (Rules(1024, 16, 10_240, 500), [(1024, 2), (512, 2), (256, 4), (128, 8), (64, 17), (32, 35)], Round(80, 32)),
        (Rules(100, 10, 8_000, 1000), [(100, 15), (50, 30), (25, 60), (20, 75)], Round(74, 27)),
        (Rules(8, 4, 400, 100), [(8, 37)], Round(8, 12)),
    ],
)
def test_rounds_are_as_worked_out_by_hand(rules: Rules, rounds: list[tuple[int, int]], last: Round) -> None:
    assert blocks(rules) == rounds
    assert confirmation(rules) == last


def test_a_race_takes_no_more_than_its_budget_and_its_prompts() -> None:
    for seeds in (5, 33, 256, 1000):
        for golden in (1, 3, 16):
            for pictures in (2_000, 9_999, 100_000):
                rules = Rules(seeds, golden, pictures, 10**6)
                if golden >= seeds:
                    continue
                try:
                    rounds, last = schedule(rules), confirmation(rules)
                except RaceError:
                    continue
                assert sum(block.pictures for block in rounds) <= rules.racing
                assert last.pictures <= pictures // 4
                assert rounds[0].prompts >= 2 and min(block.prompts for block in rounds) >= 1
                assert all(after.seeds < before.seeds for before, after in itertools.pairwise(rounds))
                assert rounds[-1].seeds in (2 * golden, seeds)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (Rules(16, 16, 10_000, 100), "16 golden seeds of 16: nothing is to be chosen"),
        (Rules(16, 20, 10_000, 100), "20 golden seeds of 16"),
        (Rules(1024, 16, 1_000, 1000), "the first round alone is 2 prompts x 1,024 seeds"),
        (Rules(1024, 16, 20_480, 220), "takes 221 prompts, and there are 220, which allow"),
        (Rules(1024, 16, 20_480, 20), "even the smallest budget"),
        (Rules(1024, 0, 20_480, 1000), "one golden seed or more"),
    ],
)
def test_what_cannot_be_raced_is_a_sentence(rules: Rules, sentence: str) -> None:
    with pytest.raises(RaceError, match=sentence):
        schedule(rules)
    with pytest.raises(RaceError, match=sentence):
        confirmation(rules)


def test_the_sentences_tell_the_least_and_the_most_that_would_do() -> None:
    small = int(_told(Rules(1024, 16, 1_000, 1000), "take ", " pictures or more"))
    assert schedule(Rules(1024, 16, small, 1000))
    with pytest.raises(RaceError):
        schedule(Rules(1024, 16, small - 1, 1000))
    large = int(_told(Rules(1024, 16, 20_480, 200), "which allow ", " pictures"))
    assert prompts_needed(Rules(1024, 16, large, 200)) <= 200 < prompts_needed(Rules(1024, 16, large + 1, 200))


@pytest.mark.parametrize("steps", [0.0, 0.02, 0.2, 0.5, 0.9])
def test_of_any_design_the_budget_that_is_named_is_accepted_and_one_less_is_refused(steps: float) -> None:
    """Early rounds, and finished ones where the trial does not speak for these."""
    for seeds, golden, random in itertools.product((20, 64, 256, 1000), (1, 3, 8), (8, 31, 64)):
        early = Rules(seeds, golden, 1, 10**6, random, early=steps or 1.0, tried=steps)
        for pictures in (1, seeds, 2 * seeds, 4 * seeds, 5 * seeds):
            rules = replace(early, pictures=pictures)
            if least_pictures(rules, pictures) == pictures:
                assert sum(each.pictures for each in schedule(rules)) <= rules.racing
                continue
            named = int(_told(rules, "take ", " pictures or more"))
            for some in (replace(rules, pictures=named), replace(rules, pictures=named, early=1.0)):
                rounds = schedule(some)
                assert rounds[0].prompts >= 2 and min(each.prompts for each in rounds) >= 1
                assert sum(each.pictures for each in rounds) <= some.racing and confirmation(some).prompts >= 2
                with pytest.raises(RaceError, match=f"take {named:,} pictures or more"):
                    schedule(replace(some, pictures=named - 1))


@pytest.mark.parametrize("steps", [0.0, 0.2, 0.9])
def test_of_any_design_the_budget_that_prompts_allow_is_accepted(steps: float) -> None:
    for seeds, golden, random in itertools.product((64, 256), (1, 8), (8, 64)):
        rules = Rules(seeds, golden, 40 * seeds, 10**6, random, early=steps or 1.0, tried=steps)
        for prompts in range(least_needed(rules), prompts_needed(rules), 3):
            allowed = int(_told(replace(rules, prompts=prompts), "which allow ", " pictures"))
            for cost in (rules.early, 1.0):
                assert schedule(replace(rules, prompts=prompts, pictures=allowed, early=cost))


def least_needed(rules: Rules) -> int:
    return prompts_needed(replace(rules, pictures=least_pictures(rules)))


def _told(rules: Rules, before: str, after: str) -> str:
    with pytest.raises(RaceError) as told:
        schedule(rules)
    return str(told.value).partition(before)[2].partition(after)[0].replace(",", "")


def test_the_better_seeds_stay_and_of_equal_ones_the_first() -> None:
    scores = np.array([[1.0, 3.0, 2.0, 9.0, 3.0], [1.0, 0.0, 1.0, 9.0, 0.0]])
    still_in = np.array([True, True, True, False, True])
    assert np.flatnonzero(kept(scores, still_in, 2)).tolist() == [1, 2]
    assert np.flatnonzero(kept(scores, still_in, 3)).tolist() == [1, 2, 4]
    assert np.flatnonzero(kept(scores, still_in, 9)).tolist() == [0, 1, 2, 4]


def test_equal_scores_in_another_order_are_equal() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.7])
    scores = np.stack([values[order] for order in ([3, 1, 0, 2], [0, 1, 2, 3], [2, 3, 1, 0])], axis=1)
    assert np.flatnonzero(kept(scores, np.ones(3, bool), 1)).tolist() == [0]


def test_no_seed_gains_by_having_missed_a_hard_prompt() -> None:
    prompts, seeds = np.array([0.0, 0.0, -10.0, 0.0])[:, None], np.array([0.3, 0.2, 0.1])
    scores = prompts + seeds
    scores[2, 2] = np.nan
    assert np.flatnonzero(kept(scores, np.ones(3, bool), 1)).tolist() == [0]


def test_a_seed_without_the_measure_is_out() -> None:
    scores = np.array([[5.0, 1, 2, 3], [5, 1, np.nan, np.nan], [np.nan, 1, 2, np.nan], [np.nan] * 4])
    assert lacking(scores, np.ones(4, bool)).tolist() == [False, False, False, True]
    assert lacking(scores, np.array([True, True, True, False])).tolist() == [False] * 4
    assert np.flatnonzero(kept(scores, np.ones(4, bool), 4)).tolist() == [0, 1, 2]
    assert not kept(np.full((2, 3), np.nan), np.ones(3, bool), 2).any()
