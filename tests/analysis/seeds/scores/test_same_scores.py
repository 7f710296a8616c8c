"""Seeds that no measurement tells apart are found whatever the measurements."""

import numpy as np
import pytest

from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.same_scores import near_columns, same_scores


@pytest.mark.parametrize(("noise", "alike"), [(1e-6, True), (0.1, False)])
def test_scores_are_the_same_within_rounding_on_all_prompts_by_all_measures(noise: float, alike: bool) -> None:
    rng, copies = np.random.default_rng(0), np.arange(400) % 100
    first, second = rng.standard_normal((2, 24, 100))[:, :, copies]
    first[3, [5, 105, 205, 305]] = np.nan
    grids = [_grid(values + noise * rng.standard_normal(values.shape)) for values in (first, second)]
    found = same_scores([*grids, _grid(np.zeros((24, 400)))])
    assert sorted(found) == ([[seed, seed + 100, seed + 200, seed + 300] for seed in range(100)] if alike else [])
    second[7, 305] += 1.0
    first[3, 205] = 0.0
    assert [5, 105] in same_scores([_grid(first), _grid(second)])


def _grid(values: np.ndarray) -> Grid:
    prompts = np.array([f"prompt {place}" for place in range(len(values))])
    return Grid(values.astype(np.float32), prompts, prompts, np.arange(values.shape[1]))


@pytest.mark.parametrize("kind", ["normal", "rare", "text", "outlier", "nothing"])
def test_of_many_seeds_copies_are_found_among_scores_of_any_kind(kind: str) -> None:
    """And those alone, but where a measurement tells no others apart."""
    rng, seeds, prompts = np.random.default_rng(1), 1000, 400
    values = {
        "normal": lambda: rng.standard_normal((prompts, seeds)),
        "rare": lambda: (rng.random((prompts, seeds)) < 0.02) * 1.0,
        "text": lambda: np.round(rng.exponential(1.0, (prompts, seeds)) * (rng.random((prompts, seeds)) < 0.05), 2),
        "outlier": lambda: (
            rng.standard_normal((prompts, seeds)) + 1e9 * (np.arange(seeds) == 3) * (np.arange(prompts) == 7)[:, None]
        ),
        "nothing": lambda: np.zeros((prompts, seeds)),
    }[kind]()
    values[:, 900:] = values[:, 100:200]
    found = sorted(map(sorted, same_scores([_grid(values)])))
    if kind in ("nothing", "outlier"):
        assert max(map(len, found)) >= seeds - 1
    else:
        assert found == [[seed + 100, seed + 900] for seed in range(100)]


def test_a_seed_is_parted_from_none_that_it_is_near_to() -> None:
    """The first of three in a row is near the second and not the third, which the second is near to."""
    values = np.array([[0.0, 0.9, 1.8, 9.0], [5.0, 5.0, 5.0, np.nan]])
    assert [part.tolist() for part in near_columns(values, 1.0)] == [[0, 1, 2]]
    assert near_columns(values, 0.5) == [] and len(near_columns(values[:, [0, 3, 3]], 0.5)[0]) == 2
    values[1, 1] = np.nan
    assert near_columns(values, 1.0) == []
