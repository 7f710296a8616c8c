"""How the report writes numbers: digits that suit the measurement, percentages, p-values, and a dash for what is undefined."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from seedscope.analysis.counted_p import counted_number
from seedscope.analysis.report.data import Estimate, Interval, Measured

NONE, MINUS, PERCENT_SIGN = "–", "−", "\u00a0%"
SMALLEST_P = 0.001


@dataclass(frozen=True)
class Digits:
    """How the values of one measurement are written: digits behind the point, and whether as a percentage."""

    decimals: int
    percent: bool = False

    @classmethod
    def of(cls, measured: Measured) -> Self:
        """Three digits of the largest effect, or of the mean where there are no effects."""
        effects = [abs(seed.effect.value) for seed in measured.seeds.values() if seed.effect.value]
        largest = max(effects, default=0.0) or abs(measured.mean or 0.0) or 1.0
        scale = 100 if measured.rate else 1
        return cls(min(12, max(0, 2 - math.floor(math.log10(largest * scale)))), measured.rate)

    @classmethod
    def for_values(cls, *values: float | None) -> Self:
        """Three digits of the largest of these values."""
        largest = max((abs(value) for value in values if value), default=1.0)
        return cls(min(12, max(0, 2 - math.floor(math.log10(largest)))))

    @property
    def factor(self) -> int:
        return 100 if self.percent else 1

    def plain(self, value: float | None) -> str:
        if value is None:
            return NONE
        # z: what rounds to 0 has no sign.
        text = f"{value * self.factor:z,.{self.decimals}f}"
        return text.replace("-", MINUS) + (PERCENT_SIGN if self.percent else "")

    def signed(self, value: float | None) -> str:
        return self.plain(value) if value is None or value < 0 else f"+{self.plain(value)}"

    def interval(self, interval: Interval | None, *, signed: bool = False) -> str:
        """`0.21 to 0.25`."""
        if interval is None:
            return "no interval"
        written = self.signed if signed else self.plain
        return f"{written(interval[0]).removesuffix(PERCENT_SIGN)} to {written(interval[1])}"

    def estimate(self, estimate: Estimate, *, signed: bool = False) -> str:
        """`0.23 (0.21 to 0.25)`."""
        if estimate.value is None:
            return NONE
        value = self.signed(estimate.value) if signed else self.plain(estimate.value)
        return f"{value} ({self.interval(estimate.interval, signed=signed)})"


PERCENT = Digits(1, percent=True)
HUNDREDTHS = Digits(2)
THOUSANDTHS = Digits(3)


def cell(value: str | int | float | None) -> str:
    """A value of a table of an experiment: numbers with three digits behind the first that is not 0 at most, or a dash."""
    if value is None:
        return NONE
    if isinstance(value, float):
        return f"{value:.3g}".replace("-", MINUS)
    return f"{value:,}".replace("-", MINUS) if isinstance(value, int) else value


def p_number(p: float | None) -> str:
    """`0.03`, `< 0.001`, or a dash."""
    if p is None:
        return NONE
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.2g}"


def p_value(p: float) -> str:
    """`p = 0.03` or `p < 0.001`."""
    return f"p {p_number(p)}" if p < SMALLEST_P else f"p = {p_number(p)}"


def counted(p: float | None, draws: int) -> str:
    """A p-value that was counted over random draws: `0.03`, `≤ 0.0099`, or a dash."""
    return NONE if p is None else counted_number(p, draws)


def count(number: float | None) -> str:
    """A number of things, rounded up: `1,024`."""
    return NONE if number is None else f"{math.ceil(number):,}"
