"""A variance as estimated, and what follows of it for n seeds: intervals, differences that are not luck, seeds needed.

With V the variance of a score of one seed, a score of n seeds has V / n. A difference of two such scores, over its standard
error by an estimate of V with nu degrees of freedom, has Student's t; one of d is found with probability `power` where
d = (t_(1 - alpha/2) + t_power) * error. Both are exact for normal effects, the errors of V included: n by this rule is in
proportion to the estimate of V, so that the power, over all estimates, is P(T < t_power).
Source: Stein (1945), "A two-sample test for a linear hypothesis whose power is independent of the variance", section 2, for a
size of sample that is in proportion to an estimated variance; Satterthwaite (1946), "An approximate distribution of estimates
of variance components", eq. 1, for sums of estimates.
Deviation: the seeds by which V is estimated are not among the n.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt

from scipy.special import chdtri, stdtrit

from seedscope.analysis.seeds.scores.scores import StatisticsError, checked_level

LEVEL, POWER = 0.95, 0.8


@dataclass(frozen=True)
class Estimate:
    """variance: >= 0, of what n = 1 gives. freedom: degrees of freedom that it has."""

    variance: float
    freedom: float

    def times(self, factor: float) -> Estimate:
        """Of a multiple: of the difference of two alike, independent scores with the factor 2."""
        return Estimate(self.variance * factor, self.freedom)

    def plus(self, other: Estimate) -> Estimate:
        """Of the sum of two that are independent."""
        freedom = _freedom((self.variance, self.freedom), (other.variance, other.freedom))
        return Estimate(self.variance + other.variance, freedom)

    def spread(self, n: int) -> float:
        """Standard deviation of a score of n."""
        return sqrt(self.variance / n)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Of the variance."""
        tail = (1.0 - checked_level(level)) / 2
        lo, hi = (float(chdtri(self.freedom, upper)) for upper in (tail, 1.0 - tail))
        whole = self.variance * self.freedom
        return whole / lo, (whole / hi if hi > 0 else inf)

    def by_luck(self, n: int, level: float = LEVEL) -> float:
        """The size of a difference, of n each, that luck alone surpasses in 1 - level of all cases."""
        return self._quantile(0.5 + checked_level(level) / 2) * self.spread(n)

    def found(self, n: int, level: float = LEVEL, power: float = POWER) -> float:
        """The true difference that n each find with probability `power`."""
        return self._reach(level, power) * self.spread(n)

    def needed(self, difference: float, level: float = LEVEL, power: float = POWER) -> Needed:
        """How many it takes to find a true difference > 0 with probability `power`, with the interval of the variance.

        Raises StatisticsError for another difference.
        """
        if not 0.0 < difference < inf:
            raise StatisticsError(f"A difference of {difference:g} cannot be found; it lies above 0.")
        factor = (self._reach(level, power) / difference) ** 2
        lo, hi = self.interval(level)
        return Needed(_whole(factor * self.variance), _whole(factor * lo), _whole(factor * hi) if hi < inf else None)

    def _reach(self, level: float, power: float) -> float:
        if not 0.5 <= power < 1.0:
            raise StatisticsError(f"A power of {power:g} cannot be asked for; it lies in [0.5, 1).")
        return self._quantile(0.5 + checked_level(level) / 2) + self._quantile(power)

    def _quantile(self, p: float) -> float:
        return float(stdtrit(self.freedom, p))


@dataclass(frozen=True)
class Needed:
    """n, and the interval in which it lies; hi None where it has no end."""

    n: int
    lo: int
    hi: int | None


def prediction(new: Estimate, n: int, centre: Estimate, seeds: int, level: float = LEVEL) -> float:
    """Half the interval in which a score of n new seeds lies, around a score whose own variance is that of `centre` / seeds.

    Source: Hahn, Meeker (1991), "Statistical Intervals", section 4.7 (the mean of a future sample).
    """
    parts = (new.variance / n, new.freedom), (centre.variance / seeds, centre.freedom)
    freedom = new.freedom if new == centre else _freedom(*parts)
    return float(stdtrit(freedom, 0.5 + checked_level(level) / 2)) * sqrt(parts[0][0] + parts[1][0])


def _freedom(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of independent variances, each with its own."""
    total = sum(variance for variance, _ in parts)
    squares = sum(variance**2 / freedom for variance, freedom in parts)
    return total**2 / squares if squares > 0 else min(freedom for _, freedom in parts)


def _whole(n: float) -> int:
    return max(ceil(n - 1e-9), 1)
