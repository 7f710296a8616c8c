"""An adaptive sweep in blocks and halves: how many prompts each round has, how many seeds stay in, and which ones.

Round r draws a block of new prompts with every seed that is still in: all of them have the same prompts, so that what a prompt
adds to a score drops out of every comparison, and no model is needed to rank them. Then the better half stays, never fewer
than twice as many seeds as are wanted; the last round chooses those. Rounds cost about the same; all data are kept. The last
quarter of the budget confirms the choice: golden seeds beside random ones, on prompts that no round has used.
Source: Karnin, Koren, Somekh (2013), "Almost Optimal Exploration in Multi-Armed Bandits" (sequential halving: equal
budgets a round); Bubeck, Wang, Viswanathan (2013), "Multiple Identifications in Multi-Armed Bandits" (the best k); common
prompts as common random numbers: Nelson, Matejcik (1995), "Using Common Random Numbers for Indifference-Zone Selection and
Multiple Comparisons in Simulation".
Deviation: data of earlier rounds count (there each round begins anew), and not fewer than 2k seeds stay before the last round.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import count
from math import comb

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.ties import tied

Seeds = npt.NDArray[np.bool_]
FEWEST_PROMPTS = 2
"""Of the first round, which could not tell seeds from noise by one prompt, and of the confirmation, for the same reason."""

FEWEST_SETS = 60
"""Of as many seeds as are wanted, of these and the random ones beside them. Of fewer sets the best is met by chance in 1 / sets
of draws, which, counted over 4,999 of them, are not always as few as the 2.5 % that confirm."""


class RaceError(ValueError):
    """A race that cannot be run as asked: a sentence with what is wrong and what would do."""


@dataclass(frozen=True)
class Rules:
    """seeds: in the race. golden: wanted. pictures: the whole budget, of which a quarter (rounded down) is for confirmation.

    prompts: how many there are. random: seeds beside which the golden ones are confirmed, as far as there are so many.
    """

    seeds: int
    golden: int
    pictures: int
    prompts: int
    random: int = 64

    @property
    def racing(self) -> int:
        """Pictures for the rounds, at most."""
        return self.pictures - self.pictures // 4


@dataclass(frozen=True)
class Round:
    """A block of pictures: `prompts` new prompts, each with the same `seeds` seeds."""

    seeds: int
    prompts: int

    @property
    def pictures(self) -> int:
        return self.seeds * self.prompts


def schedule(rules: Rules) -> tuple[Round, ...]:
    """The rounds of a race: all seeds, half of them, a quarter, ..., twice the golden ones.

    Each has an equal share of the racing budget, rounded down to whole prompts; where that would leave the first one with less
    than two prompts, it has two, and the others share the rest.

    Example:
        >>> [(round.seeds, round.prompts) for round in schedule(Rules(1024, 16, pictures=27307, prompts=1000))]
        [(1024, 3), (512, 6), (256, 13), (128, 26), (64, 53), (32, 106)]

    Raises:
        RaceError: not fewer golden seeds than seeds, a budget that is too small for a race, or too few prompts for it; how
            many pictures and prompts it takes.
    """
    _refuse(rules)
    return _rounds(rules.seeds, rules.golden, rules.racing)


def confirmation(rules: Rules) -> Round:
    """The block that confirms the choice: golden and random seeds, on prompts that no round of the schedule has used.

    Raises:
        RaceError: as `schedule`.
    """
    _refuse(rules)
    return _confirming(rules)


def refuse_untestable(rules: Rules) -> None:
    """Refuse a race whose choice could not be confirmed, however good it were.

    Raises:
        RaceError: golden and random seeds together make too few sets; how many random seeds would do.
    """
    beside = min(rules.random, rules.seeds - rules.golden)
    if (sets := comb(rules.golden + beside, rules.golden)) >= FEWEST_SETS:
        return
    enough = next(number for number in count(beside) if comb(rules.golden + number, rules.golden) >= FEWEST_SETS)
    named = rules.golden + enough <= rules.seeds
    remedy = (
        f"Let `random` be {enough} or more" if named else f"Name {rules.golden + enough} seeds or more, {enough} random"
    )
    raise RaceError(
        f"{rules.golden} golden seed(s) beside {beside} random ones cannot be confirmed: of only {sets} sets of as many seeds "
        f"the best one may be so by luck. {remedy}."
    )


def kept(scores: Array, still_in: Seeds, keep: int) -> Seeds:
    """Who stays: (S,) bool, true for the `keep` best seeds of those still in; fewer where fewer can be compared.

    scores: (P, S) float64, higher is better, NaN where there is none; a row for every prompt drawn so far. still_in: (S,) bool.
    Seeds are ranked by their mean over the prompts, all of which they have in common; of equal ones the first stays. Where a
    score is missing, least squares takes the mean's place, so that no seed gains by having missed a hard prompt.
    A seed that `lacks` the measure is out.

    Raises:
        StatisticsError: missing scores leave sets of seeds without a common prompt.
    """
    seeds = np.flatnonzero(still_in & ~lacking(scores, still_in))
    stays = np.zeros(len(still_in), np.bool_)
    stays[seeds[np.argsort(-_ranked_by(scores[:, seeds]), kind="stable")[:keep]]] = True
    return stays


def lacking(scores: Array, still_in: Seeds) -> Seeds:
    """(S,) bool, true for seeds still in that lack the measure in more than half of their prompts, or in all of them.

    Prompts of which no seed that is still in has a score do not count. scores, still_in: as of `kept`.
    """
    present = ~np.isnan(scores) & still_in
    have, of = present.sum(axis=0), int(present.any(axis=1).sum())
    return np.asarray(still_in & ((2 * have < of) | (have == 0)))


def _ranked_by(scores: Array) -> Array:
    """(S,) what seeds are ranked by, of scores (P, S): equal for equal scores in any order of the prompts."""
    scores = scores[~np.isnan(scores).all(axis=1)]
    if scores.shape[1] < 2:
        return np.zeros(scores.shape[1])
    if np.isnan(scores).any():
        return additive_fit(Scores.of(scores, np.arange(len(scores)))).seed
    return tied(scores.mean(axis=0), float(np.abs(scores).max()))


def _sizes(seeds: int, golden: int) -> list[int]:
    """Seeds in each round."""
    sizes = [seeds]
    while sizes[-1] > 2 * golden:
        sizes.append(max((sizes[-1] + 1) // 2, 2 * golden))
    return sizes


def _rounds(seeds: int, golden: int, pictures: int) -> tuple[Round, ...]:
    sizes = _sizes(seeds, golden)
    share = pictures // len(sizes)
    if share < FEWEST_PROMPTS * seeds and len(sizes) > 1:
        share = (pictures - FEWEST_PROMPTS * seeds) // (len(sizes) - 1)
    first = Round(seeds, max(share // seeds, FEWEST_PROMPTS))
    return (first, *(Round(size, share // size) for size in sizes[1:]))


def _confirming(rules: Rules) -> Round:
    seeds = rules.golden + min(rules.random, rules.seeds - rules.golden)
    return Round(seeds, rules.pictures // 4 // seeds)


def _refuse(rules: Rules) -> None:
    """Raise RaceError where there is no race by these rules."""
    if rules.golden < 1 or rules.random < 1:
        raise RaceError("A race looks for one golden seed or more, and compares them with one random seed or more.")
    if rules.golden >= rules.seeds:
        raise RaceError(
            f"{rules.golden} golden seeds of {rules.seeds}: nothing is to be chosen; ask for fewer, or name more seeds."
        )
    if rules.pictures < (least := least_pictures(rules)):
        rounds = len(_sizes(rules.seeds, rules.golden))
        raise RaceError(
            f"A budget of {rules.pictures:,} pictures is too small for a race of {rules.seeds:,} seeds to {rules.golden:,}: "
            f"the first round alone is {FEWEST_PROMPTS} prompts x {rules.seeds:,} seeds, {rounds} "
            f"round(s) and the confirmation take {least:,} pictures or more; allow as many, or name fewer seeds."
        )
    if (needed := prompts_needed(rules)) > rules.prompts:
        raise RaceError(f"A budget of {rules.pictures:,} pictures takes {needed:,} prompts, {_there_are(rules)}")


def prompts_needed(rules: Rules) -> int:
    """Prompts that the rounds and the confirmation take together, each with prompts of its own."""
    rounds = _rounds(rules.seeds, rules.golden, rules.racing)
    return sum(block.prompts for block in (*rounds, _confirming(rules)))


def least_pictures(rules: Rules) -> int:
    """The smallest budget with which each round has a prompt, and the first one and the confirmation have two.

    The budget and the prompts of the rules play no part.
    """
    sizes = _sizes(rules.seeds, rules.golden)
    racing = FEWEST_PROMPTS * rules.seeds + sum(sizes[1:2]) * (len(sizes) - 1)
    return max(4 * (racing - 1) // 3 + 1, 4 * FEWEST_PROMPTS * _confirming(rules).seeds)


def _there_are(rules: Rules) -> str:
    """What the prompts that there are allow."""
    least = least_pictures(rules)

    def needed(pictures: int) -> int:
        return prompts_needed(Rules(rules.seeds, rules.golden, pictures, rules.prompts, rules.random))

    if needed(least) > rules.prompts:
        return (
            f"and there are {rules.prompts:,}; even the smallest budget of {least:,} pictures takes {needed(least):,}. Name "
            "more prompts, or fewer seeds."
        )
    allowed = least + bisect_right(range(least, rules.pictures), rules.prompts, key=needed) - 1
    return f"and there are {rules.prompts:,}, which allow {allowed:,} pictures. Name more prompts, or a smaller budget."
