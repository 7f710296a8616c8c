"""What is said of chosen seeds: of few each by itself, of many the range, so that it stays a sentence."""

import numpy as np
import pytest

from seedscope.analysis.judging.golden_sentences import of_confirmed
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import scalar
from seedscope.analysis.select.confirmed import Evidence, confirmed


def said(planted: int) -> str:
    """Of 16 seeds on 60 prompts, of which so many are better by two standard deviations."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 16)) + 2.0 * (np.arange(16) < planted)
    names = np.array([f"prompt {i}" for i in range(60)])
    grid = Grid(values.astype(np.float32), names, names, np.arange(16))
    score = scalar(grid, "clip_score", "higher", is_rate=False, ranking=None, k=planted, shuffles=100, rng=rng)
    assert score.null is not None and score.held is not None
    evidence = Evidence(score.null, score.held, "higher")
    return of_confirmed(confirmed(evidence, planted), evidence, score, 0.0)


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
