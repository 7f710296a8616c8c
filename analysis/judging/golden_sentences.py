"""What the choice of golden seeds shows and does not show, in sentences: for the terminal, the golden list and the report."""

from __future__ import annotations

from collections.abc import Sequence

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import LEVEL, Ranking
from seedscope.analysis.seeds.scores.combined import Part
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.shuffle import FEWEST_GROUPS
from seedscope.analysis.seeds.seed_row import SeedRow
from seedscope.analysis.select.comparison import Difference
from seedscope.analysis.select.confirmed import CANDIDATES, GOLDEN, Advantage, Confirmed, Evidence
from seedscope.analysis.select.overlap import SharedByChance
from seedscope.analysis.select.pareto import Pareto

NO_SHUFFLES = (
    "No seed can be called golden: seeds are tested against shuffled scores, and the study asks for no shuffles. Set "
    "`ranking.shuffles`; 100 is the default."
)
MOST_NAMED = 4
UNTRIED = "The list has not been tried on prompts that took no part in choosing it."
ONE_GROUP = (
    "No seed can be called golden: what one half of the prompts chooses has to hold on the other half, and all of them are of "
    "one group here. Give prompts of at least three groups (objects of a grid, `group` of a file), or rank by one feature "
    "with `rule: top`."
)


def few_groups(measure: str, groups: int) -> str:
    """No seed has scores in as many groups of prompts as it takes to judge it."""
    return (
        f"No seed can be called golden: {measure} no seed has scores in {FEWEST_GROUPS} groups of prompts (there are {groups} "
        "in all), and fewer do not show whether a seed is good or another so bad that the rest looks good beside it. Give "
        f"prompts of at least {FEWEST_GROUPS} groups (objects of a grid, `group` of a file), better of six, or generate the "
        "missing cells."
    )


def not_judged(measure: str, seeds: int) -> str:
    """Some seeds have scores in too few groups of prompts."""
    return f"Not judged {measure}: {seeds} seed{'s' * (seeds > 1)} with scores in fewer than {FEWEST_GROUPS} groups of prompts."


def no_choice(asked: int, seeds: int) -> str:
    """So many seeds are to be chosen of no more."""
    asks = f"the study asks for {asked} of {seeds} seeds that can be ranked"
    return f"No seed is golden: {asks}. Ask for fewer (`ranking.golden`)."


def not_together(first: str, second: str, reason: object) -> str:
    """Two measures that do not have enough scores of the same pictures."""
    return f"No seed can be called golden: seeds cannot be ranked by {first} and by {second} on the same pictures. {reason}"


def untested(measure: str, ranking: int) -> str:
    """No seed has a standard error by which it could be tested."""
    return (
        f"No seed can be called golden: none can be tested {measure} on {ranking} prompts, because all standard errors are 0 "
        "or not known there."
    )


def of_overlap(shared: int, chance: SharedByChance | None, k: int, seeds: int, first: str, second: str) -> str:
    """The overlap of two top lists of `seeds` seeds, beside what chance gives; None: there were no shuffles."""
    said = f"{shared} seeds are in the top {k} of {seeds} by {first} and by {second}"
    if chance is None:
        return f"{said}; what chance gives was not tried (no shuffles)."
    low, high = chance.span
    return (
        f"{said}; the same pictures shuffled between seeds share {chance.expected:.1f} on average ({low} to {high}; "
        f"{counted_p(chance.p, len(chance.chance))})."
    )


def of_ties(measure: str, k: int) -> str:
    """More seeds than the list can hold are equally good."""
    return (
        f"No seed is golden: by {measure}, seeds outside of the top {k} are exactly as good as the last of it, so that the "
        "list would be arbitrary. Ask for another number (`ranking.golden`), or rank by a measure that tells seeds apart."
    )


def of_confirmed(found: Confirmed, evidence: Evidence, score: Scalar, smallest: float) -> str:
    """What was found by one measure; `smallest`: the smallest effect that matters, in s.d. between pictures of one prompt."""
    if not found.tested:
        return untested(f"by {score.name}", len(score.scores.member))
    of_all, better = f"of {found.tested} seeds", _better(f"by {score.name}")
    matters = f"{smallest * score.sd:.2g} ({smallest:g} s.d. between pictures of one prompt)" if smallest else ""
    if not found.candidates:
        return _nobody(found.slight, of_all, better, matters)
    count = len(found.candidates)
    seem = f"{count} {of_all} {_are(count)} {better}{_or_more(matters)}; of these, {found.sure} at {_percent(GOLDEN)}"
    if not found.sure:
        names = _listed([str(score.seeds[place]) for place in found.candidates[:MOST_NAMED]])
        more = f", the best of them {names}" if count > MOST_NAMED else f": {names}"
        return (
            f"No seed is golden: {seem}, which is asked of golden seeds. More prompts would tell of the {count}{more}."
        )
    if not found.borne_out:
        return f"No seed is golden: {seem}; halves of the prompts bear out none of them."
    if not found.seeds:
        return f"No seed is golden: {seem}; halves of the prompts bear out {_left_out(found.borne_out)}."
    taken = _best(len(found.seeds), found.borne_out - len(found.barred))
    return f"{seem}{taken}. {_borne_out(found.seeds, evidence, score)}. {_gain(found.advantage)}: confirmed."


def of_pareto(found: Pareto, scores: Sequence[Scalar], smallest: float) -> str:
    """What was found by several measures."""
    named = " or ".join(f"by {score.name}" for score in scores)
    if not found.tested:
        return untested(named, len(scores[0].scores.member))
    of_all = f"of {found.tested} seeds"
    better, matters = _better(named), f"{smallest:g} s.d. between pictures of one prompt" if smallest else ""
    if not found.passed:
        return _nobody(found.slight, of_all, better, matters)
    seem = f"{found.passed} {of_all} {_are(found.passed)} {better}{_or_more(matters)}"
    if not found.sound:
        return f"No seed is golden: {seem}, but each of them is worse than the median seed by another of these."
    seem += f"; {found.sound} of them {_are(found.sound)} not shown to be worse than it by any"
    if not found.front:
        return f"No seed is golden: {seem}, but left out for another reason."
    barred = len(found.barred)
    others = f" ({barred} {_are(barred)} left out for another reason)" if barred else ""
    seem += (
        f"{others}, {found.front} of {'the others' if barred else 'those'} {_are(found.front)} surpassed by no other in all "
        f"measures, and {found.sure} {_are(found.sure)} better at {_percent(GOLDEN)}"
    )
    if not found.sure:
        return f"No seed is golden: {seem}, which is asked of golden seeds. More prompts would tell."
    if not found.seeds:
        return f"No seed is golden: {seem}, but halves of the prompts bear out none of them."
    gains = [_gain(one, f"By {score.name} they") for one, score in zip(found.advantages, scores, strict=True)]
    taken = _best(len(found.seeds), found.borne_out, "clearest")
    return f"{seem}; halves of the prompts bear out {found.borne_out} of them{taken}. {'. '.join(gains)}: confirmed."


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
        f"The golden seeds are worse than random ones by {measure}: {found.mean:+.3g} ({found.lo:+.3g} to {found.hi:+.3g}, "
        f"{_percent(LEVEL)})."
    )


def not_by_own_distance(row: SeedRow, ranking: Ranking, *, alone: bool) -> str:
    """Why a seed is not golden although its pictures, one by one, add little to a distance."""
    asked = "not shown to be better than the median seed" if alone else "worse than the median seed"
    p = f"; p = {row.p:.2g}" if alone and row.p is not None else ""
    return (
        f"Seed {row.seed} is not golden: by {ranking.measure} itself, of its pictures together, it is {asked} (rank "
        f"{row.rank or '-'} of {len(ranking.ranked)}{p})."
    )


def not_of_degenerate_pictures(seed: int, reason: str) -> str:
    """Why a seed is not golden although the rule takes it."""
    return f"Seed {seed} is not golden although it would be by the rule: its pictures are degenerate: {reason}."


def _better(by: str) -> str:
    """What is tested: that a seed is better at all."""
    return f"better than the median seed {by} {_at(CANDIDATES)}"


def _or_more(matters: str) -> str:
    """What is asked beside, of the effect as it was measured."""
    return f", and by {matters} or more as measured" if matters else ""


def _nobody(slight: int, of_all: str, better: str, matters: str) -> str:
    """No seed passes: none is better, or (`slight` of them) not by as much as matters."""
    if not slight:
        return f"No seed is better than chance here: {of_all}, none is {better}{_or_more(matters)}."
    return f"No seed is golden: {slight} {of_all} {_are(slight)} {better}, but none by {matters} or more as measured."


def _left_out(count: int) -> str:
    return f"{count} of them, {'which is' if count == 1 else 'all of which are'} left out for another reason"


def _borne_out(places: Sequence[int], evidence: Evidence, score: Scalar) -> str:
    """How often halves of the prompts chose golden seeds, and how often the other halves agreed; of many seeds, the range."""
    if len(places) > MOST_NAMED:
        return f"Halves of the prompts bear out each of them ({_halves(places, evidence, score.k)})"
    named = [f"seed {score.seeds[place]} ({_halves([place], evidence, score.k)})" for place in places]
    return f"Halves of the prompts bear out {_listed(named)}"


def _halves(places: Sequence[int], evidence: Evidence, k: int) -> str:
    chosen, held = (_range(shares[[*places]]) for shares in (evidence.held.chosen, evidence.held.held))
    best = "the best" if k == 1 else f"among the best {k}"
    return f"{best} of {chosen} of the halves, and better than the median seed on {held} of the other halves"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _at(rate: float) -> str:
    return f"at a false discovery rate of {_percent(rate)}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _range(shares: Array) -> str:
    low, high = 100 * shares.min(), 100 * shares.max()
    return f"{high:.3g} %" if low == high else f"{low:.3g} to {high:.3g} %"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _best(taken: int, count: int, which: str = "best") -> str:
    return "" if taken == count else f"; the {taken} {which} of {count} are taken"


def _gain(found: Advantage | None, who: str = "They") -> str:
    if found is None:
        return ""
    return (
        f"{who} are better than the median seed by {found.mean:.3g} ({found.lo:.3g} to {found.hi:.3g}, {_percent(LEVEL)} for "
        f"all seeds at once); corrected for having been chosen, by {found.corrected:.3g}"
    )
