"""What is said of chosen seeds: of few each by itself, of many the range, so that it stays a sentence."""

import numpy as np
import pytest

from seedscope.analysis.judging.golden_sentences import of_confirmed, of_pareto
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import Scalar, scalar
from seedscope.analysis.select.confirmed import Evidence, confirmed
from seedscope.analysis.select.pareto import pareto


def said(planted: int) -> str:
    """Of 16 seeds on 60 prompts, of which so many are better by two standard deviations."""
    evidence, score = measured(planted)
    return of_confirmed(confirmed(evidence, planted), evidence, score, 0.0)


def measured(planted: int, smallest: float = 0.0) -> tuple[Evidence, Scalar]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 16)) + 2.0 * (np.arange(16) < planted)
    names = np.array([f"prompt {i}" for i in range(60)])
    grid = Grid(values.astype(np.float32), names, names, np.arange(16))
    score = scalar(grid, "clip_score", "higher", is_rate=False, ranking=None, k=planted, shuffles=100, rng=rng)
    assert score.null is not None and score.held is not None
    return Evidence(score.null, score.held, "higher", smallest * score.sd), score


def test_few_seeds_are_told_each() -> None:
    sentence = said(3)
    for seed in range(3):
        assert f"seed {seed} (among the best 3 of 100 % of the halves, and better than the median seed on" in sentence


@pytest.mark.parametrize("planted", [5, 6])
def test_many_seeds_are_told_by_their_range(planted: int) -> None:
    sentence = said(planted)
    assert (
        f"bear out each of them (among the best {planted} of 100 % of the halves, and better than the median"
        in sentence
    )
    assert "seed 1 (" not in sentence


def test_a_good_seed_that_is_left_out_for_another_reason_is_not_said_to_be_bad() -> None:
    """Seed 0 alone is good, and has black pictures, say: halves bear it out, and by no measure is it worse."""
    evidence, score = measured(1)
    alone = of_confirmed(confirmed(evidence, 4, without=[0]), evidence, score, 0.0)
    assert "No seed is golden: 1 of 16 seeds is better than the median seed by clip_score" in alone
    assert alone.endswith("halves of the prompts bear out 1 of them, which is left out for another reason.")
    front = of_pareto(pareto([evidence, evidence], 4, without=[0]), [score, score], 0.0)
    assert front.endswith("1 of them is not shown to be worse than it by any, but left out for another reason.")
    assert "worse than the median seed by another" not in front
    three, score = measured(3)
    most = of_confirmed(confirmed(three, 2, without=[0]), three, score, 0.0)
    assert "Halves of the prompts bear out seed" in most and "are taken" not in most, "2 of the 2 that may be golden"
    front = of_pareto(pareto([three], 4, without=[0]), [score], 0.0)
    assert (
        "3 of them are not shown to be worse than it by any (1 is left out for another reason), 1 of the others is"
        in front
    )


def test_what_is_tested_and_what_is_measured_are_told_apart() -> None:
    """The smallest effect that matters is no part of the test; an effect below it is not "no better than chance"."""
    evidence, score = measured(1, smallest=0.1)
    found = of_confirmed(confirmed(evidence, 4), evidence, score, 0.1)
    assert "better than the median seed by clip_score at a false discovery rate of 5 %, and by 0.1" in found
    assert "(0.1 s.d. between pictures of one prompt) or more as measured; of these, 1 at 0.5 %" in found
    evidence, score = measured(1, smallest=5.0)
    for slight in (
        of_confirmed(confirmed(evidence, 4), evidence, score, 5.0),
        of_pareto(pareto([evidence], 4), [score], 5.0),
    ):
        assert slight.startswith(
            "No seed is golden: 1 of 16 seeds is better than the median seed by clip_score at a false"
        )
        assert "but none by 5" in slight and slight.endswith("or more as measured.")
