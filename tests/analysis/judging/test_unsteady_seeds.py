"""A seed whose scores scatter several times as much as the others' is named; none is where all are alike in noise."""

import numpy as np

from seedscope.analysis.judging.unsteady_seeds import of_unsteady, unsteadiness
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import Scalar, scalar


def judged(values: np.ndarray, *, is_rate: bool = False) -> Scalar:
    prompts = np.array([f"prompt {place}" for place in range(len(values))])
    grid = Grid(values.astype(np.float32), prompts, prompts, 10 * np.arange(values.shape[1]))
    rng = np.random.default_rng(0)
    return scalar(grid, "clip_score", "higher", is_rate=is_rate, ranking=None, k=4, shuffles=0, rng=rng)


def test_one_unsteady_seed_is_named_and_alike_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    for heavy in (False, True):
        alike = [judged(rng.standard_t(3, (24, 16)) if heavy else rng.standard_normal((24, 16))) for _ in range(15)]
        assert of_unsteady(alike) == []
    values = rng.standard_normal((24, 16))
    values[:, 3] *= 8.0
    values[2, 7] = 80.0  # once
    assert np.flatnonzero(unsteadiness(judged(values)) >= 3.0).tolist() == [3]
    (sentence,) = of_unsteady([alike[0], judged(values)])
    assert sentence.startswith("Seed 30 is unsteady by clip_score: from prompt to prompt, its scores scatter ")


def test_nothing_is_said_of_rates_of_few_groups_and_of_equal_scores() -> None:
    rng = np.random.default_rng(2)
    rare = np.zeros((24, 16))
    rare[:12, 3] = 1.0
    rare[0, :8] = 1.0
    few = rng.standard_normal((12, 16))
    few[:, 3] *= 20.0
    assert of_unsteady([judged(rare, is_rate=True), judged(rare), judged(few), judged(np.ones((24, 16)))]) == []
