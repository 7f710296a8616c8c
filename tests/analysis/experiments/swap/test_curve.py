"""Pictures swapped on the way: distances from both anchors, in closed form."""

from collections.abc import Sequence

import numpy as np
import pytest

from seedscope.analysis.experiments.swap.crossed import Cell, Design, components
from seedscope.analysis.experiments.swap.curve import curve
from seedscope.analysis.experiments.swap.distances import Distance, EmbeddedDistance, Pair
from seedscope.analysis.experiments.swap.told import _way
from seedscope.analysis.seeds.scores.scores import StatisticsError

STEPS = (0, 2, 4, 8)
SEEDS = (0, 1, 2)


def design(prompts: int = 4) -> Design:
    names, turn = [f"p{number}" for number in range(prompts)], [number % 2 for number in range(prompts)]
    way = {(name, step): f"{name} at {step}" for name in names for step in STEPS}
    return Design(names, np.array(names), SEEDS, SEEDS, turn, {}, way)


def vectors(share: float, size: float = 1.0) -> dict[Cell, np.ndarray]:
    """Seeds lie `size` x sqrt(2) apart; later noise moves a picture by `share` x that, less and less the later it comes."""
    found, made = dict[Cell, np.ndarray](), design()
    for prompt, turn in zip(made.prompts, made.turn, strict=True):
        for step in STEPS:
            for seed in SEEDS:
                vector = size * np.eye(4)[seed]
                if seed != turn:
                    vector = vector + size * share * np.sqrt(2) * (1 - step / STEPS[-1]) * np.eye(4)[3]
                found[seed, f"{prompt} at {step}"] = vector.astype(np.float32)
    return found


@pytest.mark.parametrize("size", [1.0, 50.0])
def test_a_planted_way_is_found_on_the_scale_of_two_seeds(size: float) -> None:
    found = curve(design(), EmbeddedDistance("made up", vectors(0.4, size)))
    assert found.steps == STEPS and found.prompts == 4
    np.testing.assert_allclose(found.own.mean, [0.4, 0.3, 0.2, 0.0], atol=1e-6)
    np.testing.assert_allclose(found.other.mean, [0.0, 0.1, 0.2, 0.4], atol=1e-6)
    np.testing.assert_allclose(found.own.hi - found.own.lo, 0.0, atol=1e-6)
    assert found.half == pytest.approx(4.0, abs=1e-3) and found.apart == pytest.approx(size * np.sqrt(2))


def test_later_noise_that_moves_nothing_has_no_half() -> None:
    found = curve(design(), EmbeddedDistance("made up", vectors(0.0)))
    assert found.half is None and _way(found, "euler a").endswith("from the first step on, moves no picture.")


def test_embeddings_that_all_failed_have_no_components() -> None:
    found = components(np.full((2, 3, 4, 5), np.nan, np.float32))
    assert found.shape == (2, 3, 4, 1) and np.isnan(found).all()


class Noisy(Distance):
    """1 between plain pictures; 0.5 plus what a prompt has of its own between others."""

    name = "noisy"

    def __init__(self, of_prompt: Sequence[float]) -> None:
        self.of_prompt = of_prompt

    def between(self, pairs: Sequence[Pair]) -> np.ndarray:
        plain = [one[1].endswith("at 8") and other[1].endswith("at 8") for one, other in pairs]
        own = [self.of_prompt[int(one[1][1])] for one, _ in pairs]
        return np.where(plain, 1.0, 0.5 + np.array(own))


def test_intervals_are_of_groups_of_prompts() -> None:
    own = [-0.1, 0.1, -0.1, 0.1]
    found = curve(design(), Noisy(own))
    half = 3.182446 * np.std(own, ddof=1) / 2
    assert (found.own.lo[0], found.own.hi[0]) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)


def test_a_prompt_with_a_missing_picture_is_left_out() -> None:
    made = vectors(0.4)
    made[2, "p1 at 4"] = np.full(4, np.nan, np.float32)
    assert curve(design(), EmbeddedDistance("made up", made)).prompts == 3


def test_seeds_that_do_not_differ_have_no_scale() -> None:
    same = {cell: np.ones(4, np.float32) for cell in vectors(0.4)}
    with pytest.raises(StatisticsError, match="No prompt has all pictures"):
        curve(design(), EmbeddedDistance("made up", same))
