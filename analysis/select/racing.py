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
from dataclasses import dataclass, replace
from itertools import count
from math import ceil, comb

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


TRIAL_PROMPTS = 20
"""On which early pictures are tried, or all that are held out."""


class RaceError(ValueError):
    """A race that cannot be run as asked: a sentence with what is wrong and what would do."""


@dataclass(frozen=True)
class Rules:
    """seeds: in the race. golden: wanted. pictures: the whole budget, of which a quarter (rounded down) is for confirmation.

    prompts: how many there are. random: seeds beside which the golden ones are confirmed, as far as there are so many.
    early: what a picture of an early round costs, in finished ones; those are the first half of the rounds. tried: the same of
    an early picture of the trial before the rounds, whether or not it speaks for these; 0 where there is none.
    """

    seeds: int
    golden: int
    pictures: int
    prompts: int
    random: int = 64
    early: float = 1.0
    tried: float = 0.0

    @property
    def spent(self) -> int:
        """What of the rounds' part the early pictures of the trial cost, in finished ones: the random seeds have them. Finished
        ones beside them are of the confirmation."""
        last = _confirming(self)
        return ceil((last.seeds - self.golden) * min(last.prompts, TRIAL_PROMPTS) * self.tried - 1e-9)

    @property
    def racing(self) -> int:
        """Pictures for the rounds, at most."""
        return self.pictures - self.pictures // 4 - self.spent


@dataclass(frozen=True)
class Round:
    """A block of pictures: `prompts` new prompts, each with the same `seeds` seeds. cost: of one, in finished ones."""

    seeds: int
    prompts: int
    cost: float = 1.0

    @property
    def early(self) -> bool:
        """Whether its pictures are not finished."""
        return self.cost < 1

    @property
    def pictures(self) -> int:
        """What it costs, in finished pictures."""
        return ceil(self.seeds * self.prompts * self.cost - 1e-9)


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
    return _rounds(rules)


def early_rounds(rules: Rules) -> int:
    """How many rounds go by early pictures: the first half of them, if any do."""
    return len(_sizes(rules.seeds, rules.golden)) // 2 if rules.early < 1 else 0


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
    stays[seeds[np.argsort(-ranked_by(scores[:, seeds]), kind="stable")[:keep]]] = True
    return stays


def lacking(scores: Array, still_in: Seeds) -> Seeds:
    """(S,) bool, true for seeds still in that lack the measure in more than half of their prompts, or in all of them.

    Prompts of which no seed that is still in has a score do not count. scores, still_in: as of `kept`.
    """
    present = ~np.isnan(scores) & still_in
    have, of = present.sum(axis=0), int(present.any(axis=1).sum())
    return np.asarray(still_in & ((2 * have < of) | (have == 0)))


def ranked_by(scores: Array) -> Array:
    """(S,) what seeds are ranked by, of scores (P, S): equal for equal scores in any order of the prompts.

    Their means; least squares where scores are missing. Prompts without a score do not count.

    Raises:
        StatisticsError: missing scores leave sets of seeds without a common prompt.
    """
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


def _rounds(rules: Rules) -> tuple[Round, ...]:
    sizes, early = _sizes(rules.seeds, rules.golden), early_rounds(rules)
    costs = [rules.early if number < early else 1.0 for number in range(len(sizes))]
    share, least = rules.racing // len(sizes), Round(rules.seeds, FEWEST_PROMPTS, costs[0]).pictures
    if share < least and len(sizes) > 1:
        share = (rules.racing - least) // (len(sizes) - 1)
    prompts = [int(share / (size * cost) + 1e-9) for size, cost in zip(sizes, costs, strict=True)]
    prompts[0] = max(prompts[0], FEWEST_PROMPTS)
    return tuple(map(Round, sizes, prompts, costs))


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
    if rules.pictures < (least := least_pictures(rules, rules.pictures)):
        rounds, tried = len(_sizes(rules.seeds, rules.golden)), ", the trial of early pictures" if rules.tried else ""
        raise RaceError(
            f"A budget of {rules.pictures:,} pictures is too small for a race of {rules.seeds:,} seeds to {rules.golden:,}: "
            f"the first round alone is {FEWEST_PROMPTS} prompts x {rules.seeds:,} seeds, {rounds} "
            f"round(s){tried} and the confirmation take {least:,} pictures or more; allow as many, or name fewer seeds."
        )
    if (needed := prompts_needed(rules)) > rules.prompts:
        raise RaceError(f"A budget of {rules.pictures:,} pictures takes {needed:,} prompts, {_there_are(rules)}")


def prompts_needed(rules: Rules) -> int:
    """Prompts that the rounds and the confirmation take together, each with prompts of its own."""
    rounds = _rounds(rules)
    return sum(block.prompts for block in (*rounds, _confirming(rules)))


def least_pictures(rules: Rules, above: int = 0) -> int:
    """The smallest budget, of `above` pictures or more, with which each round has a prompt, and the first one and the
    confirmation have two.

    The budget and the prompts of the rules play no part. With a larger one a trial may have a prompt more, which costs more
    than the budget has grown by, so that not each budget above the smallest will do.
    """
    sizes = _sizes(rules.seeds, rules.golden)
    racing = FEWEST_PROMPTS * rules.seeds + sum(sizes[1:2]) * (len(sizes) - 1)
    pictures = max(above, 4 * FEWEST_PROMPTS * _confirming(rules).seeds)
    # Of a picture more the rounds have one more at most: no budget that will do is passed over.
    while (short := racing - replace(rules, pictures=pictures).racing) > 0:
        pictures += short
    return pictures


def _there_are(rules: Rules) -> str:
    """What the prompts that there are allow."""
    least = least_pictures(rules)

    def needed(pictures: int) -> int:
        return prompts_needed(replace(rules, pictures=pictures))

    if needed(least) > rules.prompts:
        return (
            f"and there are {rules.prompts:,}; even the smallest budget of {least:,} pictures takes {needed(least):,}. Name "
            "more prompts, or fewer seeds."
        )
    most = least + bisect_right(range(least, rules.pictures), rules.prompts, key=needed) - 1
    allowed = next(
        each
        for each in range(most, least - 1, -1)
        if least_pictures(rules, each) == each and needed(each) <= rules.prompts
    )
    return f"and there are {rules.prompts:,}, which allow {allowed:,} pictures. Name more prompts, or a smaller budget."
