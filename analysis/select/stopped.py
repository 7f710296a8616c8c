"""Whether a race may stop before its budget is spent, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seedscope.analysis.seeds.race.posterior import Posterior

Rule = Literal["gain", "recall", "bound", "budget"]


@dataclass(frozen=True)
class Target:
    """gain, recall: expected ones at which a race stops, in 0..1; None: not by this rule. smallest: a lead, in the score's
    unit, that does not matter: a race stops where no seed that is out can have more of it over a chosen one."""

    gain: float | None = None
    recall: float | None = None
    smallest: float = 0.0


def stopped(found: Posterior, gap: float, target: Target, rounds_left: int) -> Rule | None:
    """The rule that ends a race now; None where it goes on.

    found: of the seeds that would be chosen now. gap: of `lucb_gap`. rounds_left: of the schedule; without any the budget is
    spent. The expected gain and recall hold on average over studies whose seed effects are as `effects_after` supposes; the
    bound holds whatever they are.
    """
    if target.gain is not None and found.gain >= target.gain:
        return "gain"
    if target.recall is not None and found.recall >= target.recall:
        return "recall"
    if gap <= target.smallest:
        return "bound"
    return None if rounds_left else "budget"
