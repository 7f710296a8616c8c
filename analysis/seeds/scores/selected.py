"""What a seed is truly worth that was chosen because it measured well: its effect, corrected for having passed a threshold.

Of many noisy scores those that pass are, on average, the lucky ones. Given that t passed the threshold c, a true effect of m
errors would have given a value of at least t with the probability P(T >= t - m) / P(T >= c - m), T as of shuffled seeds. The m
at which that is one half is the estimate, 0 where it lies below. Far above the threshold nothing is corrected; just above it
little is left.
Source: Zhong, Prentice (2008), "Bias-reduced estimators and confidence intervals for odds ratios in genome-wide association
studies"; Fithian, Sun, Taylor (2014), "Optimal Inference After Model Selection", arXiv 1410.2597, section 1 (conditioning on
what was selected).
Deviation: their error is normal; here it is that of shuffled seeds, shifted. In 2,000 simulated studies a kind
(benchmarks/claims.py) the mean of what is left was 0.86 to 0.98 of the truth where a golden seed is found in 34 % or more, and
measured effects 0.98 to 1.5 times the truth. Where few are found the lucky ones prevail: at 3 % it was 1.4 times the truth, and
measured effects 2.9 times; of a false discovery, whose truth is 0, about half is left (test_selected.py keeps a part).
"""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.scores.score_null import ScoreNull


def threshold(null: ScoreNull, p: float) -> float:
    """The least value of `null.better` whose p-value is no more than `p`; the largest shuffled one where p asks for more."""
    above = max(int(p * (len(null.chance) + 1)) - 1, 0)
    return float(null.chance[max(len(null.chance) - above - 1, 0)])


def corrected(null: ScoreNull, seed: int, passed: float) -> float:
    """The gain over the median seed, at least 0, of a seed, by index, chosen because its `null.better` is at least `passed`."""
    t = float(null.better[seed])
    if not np.isfinite(t):  # no error was measured: nothing was luck
        return abs(float(null.effect[seed]))
    c = min(passed, t)

    def beyond(value: float) -> int:
        return len(null.chance) - int(np.searchsorted(null.chance, value, side="left")) + 1

    low, high = 0.0, max(t - float(null.chance[0]), 0.0)
    while high - low > 1e-6 * high:
        m = (low + high) / 2
        low, high = (m, high) if 2 * beyond(t - m) < beyond(c - m) else (low, m)
    return (low + high) / 2 * float(null.error[seed])
