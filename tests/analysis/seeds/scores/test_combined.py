"""The combined score: by hand, in any unit, without leaks from the confirmation prompts, and its sentences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from seedscope.analysis.seeds.scores.combined import Term, combined
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import scalar
from seedscope.analysis.seeds.scores.scores import StatisticsError

PROMPTS, SEEDS = 40, 12
ON = np.arange(PROMPTS) % 2 == 0


def grid(values: npt.ArrayLike) -> Grid:
    found = np.asarray(values, np.float32)
    names = np.array([f"p{i}" for i in range(len(found))])
    return Grid(found, names, names, np.arange(found.shape[1], dtype=np.int64))


def noise(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Scores with large differences between prompts."""
    return rng.standard_normal((PROMPTS, SEEDS)) + 5 * rng.standard_normal((PROMPTS, 1))


def test_the_score_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(1)
    first, second = noise(rng), 100 * noise(rng)
    score, parts = combined([Term("a", "higher", 1, grid(first)), Term("b", "lower", 3, grid(second))], ON)
    assert [(part.measure, part.better, part.weight) for part in parts] == [("a", "higher", 0.25), ("b", "lower", 0.75)]
    by_hand = np.zeros((PROMPTS, SEEDS))
    for values, share, part in ((first, 0.25, parts[0]), (second, -0.75, parts[1])):
        within = values[ON] - values[ON].mean(axis=1, keepdims=True)
        sd = np.sqrt((within**2).sum() / (within.size - len(within)))
        assert (part.mean, part.sd) == (pytest.approx(values[ON].mean(), rel=1e-6), pytest.approx(sd, rel=1e-6))
        by_hand += share * (values - values[ON].mean()) / sd
    assert np.abs(score.values - by_hand).max() < 1e-5
    assert parts[0].sd == pytest.approx(1.0, abs=0.1) and parts[1].sd == pytest.approx(100.0, abs=10)


def test_units_signs_and_the_size_of_all_weights_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    first, second = noise(rng), noise(rng)
    score, _ = combined([Term("a", "higher", 1, grid(first)), Term("b", "higher", 2, grid(second))], ON)
    other, parts = combined([Term("a", "higher", 5, grid(7 + 1000 * first)), Term("b", "lower", 10, grid(-second))], ON)
    assert np.abs(score.values - other.values).max() < 1e-3
    assert sum(part.weight for part in parts) == pytest.approx(1.0)


def test_a_broken_seed_does_not_take_a_measurements_weight_away() -> None:
    """Its pictures would make the spread so large that the measurement hardly counts between the other seeds."""
    rng = np.random.default_rng(6)
    first, second = noise(rng), noise(rng)
    terms = [Term("a", "higher", 1, grid(first)), Term("b", "higher", 1, grid(second))]
    sound, parts = combined(terms, ON)
    broken = first.copy()
    broken[:, 5] -= 50
    score, beside = combined([Term("a", "higher", 1, grid(broken)), terms[1]], ON)
    assert beside[0].sd == pytest.approx(parts[0].sd, rel=0.05) and beside[1] == parts[1]
    others = np.arange(SEEDS) != 5
    apart = [found.values[:, others] - found.values[:, others].mean() for found in (score, sound)]
    assert np.abs(apart[0] - apart[1]).max() < 0.2
    assert (score.values[:, 5] < score.values[:, others].min(axis=1) - 10).all()


def test_a_measurement_by_which_one_seed_alone_differs_keeps_its_scale() -> None:
    values = np.zeros((PROMPTS, SEEDS))
    values[:, 5] = -1.0
    _, parts = combined([Term("a", "higher", 1, grid(values))], None)
    assert parts[0].sd == pytest.approx(np.sqrt(11 / 12 / 11))


def test_the_confirmation_prompts_have_no_say_in_the_scale() -> None:
    """What stands on them changes neither parts nor the scores to rank on."""
    rng = np.random.default_rng(3)
    first, second = noise(rng), noise(rng)
    terms = [Term("a", "higher", 1, grid(first)), Term("b", "higher", 1, grid(second))]
    score, parts = combined(terms, ON)
    second[~ON] = 50 * rng.standard_normal(second[~ON].shape)
    changed, same = combined([terms[0], Term("b", "higher", 1, grid(second))], ON)
    assert parts == same and (score.values[ON] == changed.values[ON]).all()
    assert combined(terms, None)[1] != parts


def test_a_missing_measurement_is_a_missing_cell_that_is_counted() -> None:
    rng = np.random.default_rng(4)
    first, second = noise(rng), noise(rng)
    first[0, 3], second[5, 1], second[0, 4] = np.nan, np.nan, np.inf
    score, _ = combined([Term("a", "higher", 1, grid(first)), Term("b", "lower", 1, grid(second))], ON)
    assert np.argwhere(~np.isfinite(score.values)).tolist() == [[0, 3], [0, 4], [5, 1]]
    found = scalar(score, "combined", "higher", is_rate=False, ranking=ON, k=3, shuffles=0, rng=rng)
    assert found.missing == 3 and found.effects.n.sum() == PROMPTS * SEEDS - 3 and found.parts is not None


def test_two_noisy_measures_find_together_what_neither_does_alone() -> None:
    """Equal effects under independent noise: the combined effect is 1 / sqrt(2) of the noise's more, as theory says."""
    rng, seed, ratios = np.random.default_rng(5), np.r_[0.5, np.zeros(SEEDS - 1)], []
    for _ in range(60):
        grids = [grid(noise(rng) + seed) for _ in range(2)]
        score, _ = combined([Term(f"m{i}", "higher", 1, each) for i, each in enumerate(grids)], ON)
        found = [
            scalar(each, "x", "higher", is_rate=False, ranking=None, k=3, shuffles=0, rng=rng)
            for each in (*grids, score)
        ]
        one, other, both = (each.effects.effect[0] / each.effects.se[0] for each in found)
        ratios.append([one, other, both])
    means = np.mean(ratios, axis=0)
    assert means[2] / means[:2].mean() == pytest.approx(np.sqrt(2), abs=0.15)


@pytest.mark.parametrize("values", [np.full((PROMPTS, SEEDS), 0.1), np.arange(PROMPTS)[:, None] * np.full(SEEDS, 0.1)])
def test_a_measure_without_spread_is_a_sentence(values: npt.NDArray[np.float64]) -> None:
    """One that differs between prompts alone, too."""
    other = Term("b", "higher", 1, grid(noise(np.random.default_rng(6))))
    with pytest.raises(StatisticsError, match="a is the same for all pictures of a prompt.*leave it out of ranking.by"):
        combined([Term("a", "higher", 1, grid(values)), other], ON)


def test_measures_that_no_two_pictures_share_are_a_sentence() -> None:
    first, second = (noise(np.random.default_rng(7)) for _ in range(2))
    first[:, : SEEDS // 2], second[:, SEEDS // 2 :] = np.nan, np.nan
    with pytest.raises(StatisticsError, match="No two pictures of a prompt to rank on have all the measurements"):
        combined([Term("a", "higher", 1, grid(first)), Term("b", "higher", 1, grid(second))], ON)


def test_wrong_use_is_refused() -> None:
    values = noise(np.random.default_rng(8))
    with pytest.raises(ValueError, match="weight of b"):
        combined([Term("a", "higher", 1, grid(values)), Term("b", "higher", 0, grid(values))], None)
    with pytest.raises(ValueError, match="same prompts and seeds"):
        combined([Term("a", "higher", 1, grid(values)), Term("b", "higher", 1, grid(values[:-1]))], None)
