"""The bound on a lead, by pairs: a number worked out by hand, seeds that are apart, and seeds that are not."""

import numpy as np
import pytest

from seedscope.analysis.seeds.race.paired_bound import _narrowest_at, _width, lucb_gap


def test_the_lead_is_that_on_common_prompts() -> None:
    scores = np.array([[1.0, 0.0, 9.0], [5.0, 6.0, np.nan]])
    scores[0, 2] = np.nan
    chosen = np.array([True, False, False])
    assert lucb_gap(scores, chosen, 1.0, 10) == (np.inf, 0, 2)  # no prompt in common
    gap, mine, other = lucb_gap(scores[:, :2], chosen[:2], 2.0, 10)
    assert (mine, other) == (0, 1)
    assert gap == pytest.approx(0.0 + 2.0 * float(_width(np.array(2.0), _narrowest_at(10, 0.05), 0.05)))


def test_the_edge_is_where_the_mixture_says_so_and_narrowest_where_asked() -> None:
    """Of a sum x of n differences, the mixture of likelihood ratios (Robbins 1970) is 1 / alpha at the edge."""
    for n in (1.0, 7.0, 300.0):
        edge = n * float(_width(np.array(n), 20.0, 0.01))
        assert np.exp(edge**2 / (2 * (n + 20.0))) * np.sqrt(20.0 / (n + 20.0)) == pytest.approx(100.0)
    rho = _narrowest_at(50, 0.01)
    widths = [float(_width(np.array(50.0), rho * factor, 0.01)) for factor in (0.9, 1.0, 1.1)]
    assert min(widths) == widths[1]


def test_seeds_that_are_apart_are_told_and_others_are_not() -> None:
    rng = np.random.default_rng(4)
    effects, chosen = np.array([6.0, 6.0, 0.0, 0.0, 0.0]), np.array([True, True, False, False, False])
    apart = 0
    for _ in range(40):
        noise = rng.standard_normal((30, 5))
        apart += lucb_gap(effects + noise, chosen, 1.0, 30)[0] < 0
        false = [lucb_gap(noise[:looks], chosen, 1.0, 30)[0] for looks in (2, 5, 10, 20, 30)]
        assert min(false) > 0
    assert apart == 40
