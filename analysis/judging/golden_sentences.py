"""What the choice of golden seeds shows and does not show, in sentences: for the terminal, the golden list and the report."""

from __future__ import annotations

from collections.abc import Sequence

from seedscope.analysis.seeds.ranking import LEVEL, Ranking
from seedscope.analysis.seeds.scores.combined import Part
from seedscope.analysis.select.comparison import Difference
from seedscope.analysis.select.confirmed import Advantage, Confirmed
from seedscope.analysis.select.overlap import OverlapRule
from seedscope.analysis.select.pareto import Pareto

UNTRIED = "The list has not been tried on prompts that took no part in choosing it."
ONE_GROUP = (
    "No seed can be called golden: seeds are ranked on one part of the prompts and confirmed on the other, and all of them are "
    "of one group here. Give prompts of at least two groups (objects of a grid, `group` of a file), or rank by one feature "
    "with `rule: top`."
)


def no_choice(asked: int, seeds: int) -> str:
    """So many seeds are to be chosen of no more."""
    return f"No seed is golden: the study asks for {asked} of {seeds} seeds. Ask for fewer than there are (`ranking.golden`)."


def untested(measure: str, ranking: int) -> str:
    """No seed has a standard error by which it could be tested."""
    return (
        f"No seed can be called golden: none can be tested {measure} on {ranking} prompts, because all standard errors are 0 "
        "or not known there."
    )


def of_overlap(found: OverlapRule, seeds: int, first: str, second: str) -> str:
    """The overlap of two top lists of `seeds` seeds, beside what chance gives."""
    shared, (low, high) = found.overlap, found.overlap.chance
    return (
        f"{shared.shared} seeds are in the top {shared.k} of {seeds} by {first} and by {second}; two rankings that have "
        f"nothing to do with each other share {shared.expected:.1f} on average ({low} to {high}; p = {shared.p:.2g})."
    )


def of_confirmed(found: Confirmed, measure: str, ranking: int, confirming: int) -> str:
    """What was found on so many `ranking` prompts, and on so many `confirming` ones."""
    if not found.tested:
        return untested(f"by {measure}", ranking)
    tested = f"of {found.tested} seeds"
    better = (
        f"better than average on {ranking} prompts by {measure}, at a false discovery rate of {_percent(found.rate)}"
    )
    if not found.passed:
        return f"No seed is better than chance here: {tested}, none is {better}."
    seem = f"{found.passed} {tested} {_are(found.passed)} {better}{_best(len(found.candidates), found.passed)}"
    if found.advantage is None:
        return f"No seed is confirmed: {seem}, but {confirming} other prompts are too few to judge by."
    gain = _gain(found.advantage, f", {_percent(LEVEL)}")
    judged = f"On {confirming} other prompts the advantage over random seeds is {gain}"
    if not found.seeds:
        return f"No seed is better than chance here: {seem}. {judged}, which chance can explain."
    return f"{seem}. {judged}: confirmed."


def of_pareto(found: Pareto, measures: Sequence[str], ranking: int, confirming: int) -> str:
    """What was found by several measures on so many `ranking` prompts, and on so many `confirming` ones."""
    named = " or ".join(f"by {name}" for name in measures)
    if not found.tested:
        return untested(named, ranking)
    tested = f"of {found.tested} seeds"
    better = f"better than average on {ranking} prompts {named}, at a false discovery rate of {_percent(found.rate)}"
    if not found.passed:
        return f"No seed is better than chance here: {tested}, none is {better}."
    seem = f"{found.passed} {tested} {_are(found.passed)} {better}"
    if not found.sound:
        return f"No seed is golden: {seem}, but each of them is worse than average by another of these."
    seem += (
        f"; {found.sound} of them {_are(found.sound)} not shown to be worse than average by any, and {found.front} of those "
        f"{_are(found.front)} surpassed by no other in all measures{_best(len(found.candidates), found.front, 'clearest')}"
    )
    if any(one is None for one in found.advantages):
        return f"No seed is confirmed: {seem}, but {confirming} other prompts are too few to judge by."
    gains = [f"{_gain(one)} by {name}" for one, name in zip(found.advantages, measures, strict=True) if one is not None]
    judged = (
        f"On {confirming} other prompts the advantage over random seeds is {' and '.join(gains)}, in intervals that hold "
        f"together at {_percent(LEVEL)}"
    )
    if found.seeds:
        return f"{seem}. {judged}: confirmed."
    if any(one is not None and one.hi < 0 for one in found.advantages):
        return f"No seed is golden: {seem}. {judged}: worse than random seeds by one of these."
    return f"No seed is better than chance here: {seem}. {judged}, which chance can explain."


def of_combined(parts: Sequence[Part]) -> str:
    """What the combined score of a picture is made of."""
    named = " and ".join(
        f"by {part.measure} (weight {part.weight:.2g}, s.d. {part.sd:.3g}{', lower is better' * (part.better == 'lower')})"
        for part in parts
    )
    return (
        f"The combined score of a picture is the weighted mean of its scores {named}, each less the mean, over the s.d. of "
        "pictures of one prompt, and signed so that higher is better."
    )


def worse_by(measure: str, found: Difference) -> str:
    """Golden seeds cost something by another measurement."""
    return (
        f"They are worse than random seeds by {measure} there: {found.mean:+.3g} ({found.lo:+.3g} to {found.hi:+.3g}, "
        f"{_percent(LEVEL)})."
    )


def too_alike(seeds: Sequence[int], ranking: Ranking) -> str:
    """Pictures that are good one by one may be far from the real ones together."""
    rank = {row.seed: row.rank for row in ranking.rows}
    named = ", ".join(f"{seed} (rank {rank[seed]})" for seed in seeds)
    return (
        f"Of these, {named} {_are(len(seeds))} not shown to be better than the mean seed by {ranking.measure} itself, "
        "which also wants pictures that differ from each other."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _best(taken: int, count: int, which: str = "best") -> str:
    return "" if taken == count else f"; the {taken} {which} are taken"


def _gain(found: Advantage, level: str = "") -> str:
    return f"{found.mean:.3g} ({found.lo:.3g} to {found.hi:.3g}{level}; p = {found.p:.2g})"
