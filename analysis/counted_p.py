"""How a p-value that was counted over random draws (shuffles, say) is written: with its floor, where it stands on it.

Of B draws p is (b + 1) / (B + 1), b of them at least as extreme as what was seen. Where none is, p is only known to be no
more than 1 / (B + 1), however clear the case: a small p would take more draws.
Source: Phipson, Smyth (2010), "Permutation P-values Should Never Be Zero".
"""

from __future__ import annotations


def counted_p(p: float, draws: int, what: str = "shuffles") -> str:
    """`p = 0.03`, or `p <= 0.0099, the least that 100 shuffles can show`; `what` the draws are called."""
    if not _at_floor(p, draws):
        return f"p = {p:.2g}"
    return f"p <= {p:.2g}, the least that {draws:,} {what} can show"


def counted_number(p: float, draws: int) -> str:
    """For tables: `0.03`, or `≤ 0.0099`."""
    return f"≤ {p:.2g}" if _at_floor(p, draws) else f"{p:.2g}"


def _at_floor(p: float, draws: int) -> bool:
    """Whether none of the draws was as extreme as what was seen."""
    return p * (draws + 1) < 1.5
