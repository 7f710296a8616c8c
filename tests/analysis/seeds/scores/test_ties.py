"""Equal is equal: what differs by rounding alone is tied, what differs by more is not."""

import numpy as np
from scipy.stats import spearmanr

from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.ties import tied


def test_what_rounding_parts_is_joined_and_nothing_else() -> None:
    values = np.array([0.3, 0.1 + 0.2, 0.3 + 1e-9, np.nan, -1.0, -1.0 - 4e-16])
    found = tied(values, 1.0)
    assert found[0] == found[1] == 0.3 and found[4] == found[5] and np.isnan(found[3]) and found[2] == 0.3 + 1e-9
    rows = np.stack([values, values[::-1]])
    np.testing.assert_array_equal(tied(rows, 1.0), np.stack([found, tied(values[::-1], 1.0)]))


def test_seeds_with_as_many_events_have_the_same_effect() -> None:
    """13 events in 24 x 32 cells: as many distinct effects as there are distinct counts, and no rank of rounding."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        events = np.zeros((24, 32))
        events.flat[rng.choice(24 * 32, 13, replace=False)] = 1
        found = additive_fit(Scores.of(events, np.arange(24))).seed
        assert len(np.unique(found)) == len(np.unique(events.sum(axis=0)))
        assert spearmanr(found, events.sum(axis=0)).statistic > 1 - 1e-12


def test_equal_scores_in_another_order_have_equal_effects() -> None:
    rng = np.random.default_rng(2)
    column = rng.random(200).astype(np.float32)
    values = np.stack([rng.permutation(column) for _ in range(12)], axis=1)
    assert len(np.unique(additive_fit(Scores.of(values, np.arange(200))).seed)) == 1
