"""The answer of a report in three sentences: which seeds are golden, do seeds matter, and how far that carries."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.judging.golden_rules import Choice
from seedscope.analysis.judging.golden_sentences import UNTRIED
from seedscope.analysis.judging.race.choice import RULE
from seedscope.analysis.report.data import Measured
from seedscope.analysis.report.wording import HUNDREDTHS, PERCENT, count
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.verdict import without_far

RELIABLE = 0.8


def answer(measures: Sequence[Measured], by: str, decisive: Sequence[str], choice: Choice) -> list[str]:
    """Three sentences, the first of which may be a short paragraph.

    Args:
        by: the measurement that ranks the seeds.
        decisive: those by which golden seeds are chosen.
    """
    main = next(measured for measured in measures if measured.name == by)
    titles = {measured.name: measured.title for measured in measures}
    return [
        _golden(choice, titles),
        _matters(measures, main),
        _carries(measures, main, decisive, chosen=choice.rule == RULE),
    ]


def in_words(sentence: str, titles: Mapping[str, str]) -> str:
    """A sentence in which the measurements that something is judged by have their titles."""
    return re.sub(r"\bby (\w+)", lambda found: f"by {titles.get(found[1], found[1])}", sentence)


def _matters(measures: Sequence[Measured], main: Measured) -> str:
    p = "" if main.p is None else counted_p(main.p, main.shuffles)
    if main.p is None:
        first = f"Whether seeds differ by {main.title} was not tested ({main.untested})"
    elif _matter(main):
        first = f"Yes, seeds matter: by {main.title} they differ more than chance alone makes them ({p})"
    else:
        first = f"By {main.title}, seeds differ no more than chance alone makes them ({p})"
    shares = {m.title: m.shares["seed"] for m in _beyond_chance(measures) if "seed" in m.shares}
    if not shares:
        return f"{first}."
    title, largest = max(shares.items(), key=lambda item: item[1].value or 0.0)
    interval = "" if largest.interval is None else f" ({PERCENT.interval(largest.interval)})"
    share = f"{PERCENT.plain(largest.value)}{interval} of the differences between single pictures"
    return f"{first}; of all that was measured, the seed shows most in {title}: {share}."


def _beyond_chance(measures: Sequence[Measured]) -> list[Measured]:
    """Those in which seeds differ, at a false discovery rate of 5 % among all of them: one in twenty would by chance."""
    q = q_values([math.nan if measured.p is None else measured.p for measured in measures])
    return [measured for measured, each in zip(measures, q, strict=True) if each <= 1 - LEVEL]


def _matter(measured: Measured) -> bool:
    return measured.p is not None and measured.p <= 1 - LEVEL


def _golden(choice: Choice, titles: Mapping[str, str]) -> str:
    if choice.rule == "top" and choice.seeds:
        return f"The best {len(choice.seeds)} of the ranking are {', '.join(map(str, choice.seeds))}. {UNTRIED}"
    return in_words(choice.sentence, titles)


def _carries(measures: Sequence[Measured], main: Measured, decisive: Sequence[str], *, chosen: bool) -> str:
    """How reliable the ranking is: by the least reliable of the measurements that choose golden seeds. Of `chosen` seeds, which
    differ more than others do, that is not said."""
    choosing = [measured for measured in measures if measured.name in decisive] or [main]
    tested = min(choosing, key=lambda measured: measured.reliability or 0.0)
    rests = f"All this rests on {count(main.prompts)} prompts in {count(main.groups)} groups"
    if main.groups == main.prompts:
        rests = f"All this rests on {count(main.prompts)} prompts"
    if chosen:
        return f"{rests}, with golden and random seeds alone; it holds for this model, size and way to draw noise."
    if tested.reliability is None:
        return f"{rests}; how reliable the ranking is at that number is not known."
    least = f" by {tested.title}, the least reliable of {len(choosing)} measures," if len(choosing) > 1 else ""
    far = f"{'' if least else ','} {without_far(tested.far)}," if tested.far else ""
    known = f"{rests}: the reliability of the ranking{least}{far} is {HUNDREDTHS.plain(tested.reliability)} of 1"
    if tested.reliability >= RELIABLE:
        return f"{known}, and it holds for this model, size and way to draw noise alone."
    if tested.prompts_for_08 is None:
        return f"{known}, and no number of prompts is known that would make it reliable."
    return f"{known}, and {RELIABLE} would take about {count(tested.prompts_for_08)} prompts."
