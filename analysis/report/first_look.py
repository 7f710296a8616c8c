"""What stands first in a report: the golden seeds, some of their pictures beside those of random seeds, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.report.data import Comparison, ReportData

ROWS = 3
"""Seeds of each kind whose pictures are shown."""


@dataclass(frozen=True)
class Shown:
    """Seeds of one kind, whose pictures are shown for the same prompts. kind: `golden`, `best` or `random`."""

    kind: str
    seeds: Sequence[int]


@dataclass(frozen=True)
class FirstLook:
    """rows: chosen seeds, or where there are none the best of the ranking, then random ones. copied: the golden seeds, for who
    copies them; empty where there are none. gains: what golden seeds are better and worse at, in a sentence, or nothing."""

    rows: Sequence[Shown]
    copied: str
    gains: str


def first_look(data: ReportData) -> FirstLook:
    """Of the golden seeds the best `ROWS`, or of the ranking; and as many others, which are drawn by lot."""
    golden = list(data.golden.seeds) if data.golden else []
    first = Shown("golden", golden[:ROWS]) if golden else Shown("best", data.ranked[:ROWS])
    others = [seed for seed in data.ranked if seed not in {*golden, *first.seeds}]
    lot = np.random.default_rng(0).permutation(len(others))[:ROWS]
    random = Shown("random", [others[place] for place in sorted(lot.tolist())])
    shown = [row for row in (first, random) if row.seeds and data.shown]
    return FirstLook(shown, ", ".join(map(str, golden)), _gains(data) if golden else "")


def _gains(data: ReportData) -> str:
    """By which measures of quality golden seeds are surely better, or worse, than random ones on prompts that did not choose
    them."""
    titles = {measured.name: (measured.title, measured.better) for measured in data.measures}
    found: dict[bool, list[str]] = {True: [], False: []}
    for each in data.golden.comparisons if data.golden else ():
        title, better = titles.get(each.measure, (each.measure, None))
        if better is not None and (up := _surely(each)) is not None:
            found[up == (better == "higher")].append(title)
    if not any(found.values()):
        return ""
    said = [
        f"{word} by {_listed(names)}" for word, names in (("better", found[True]), ("worse", found[False])) if names
    ]
    rest = "" if found[False] else "; by no measure of quality surely worse"
    return f"On prompts that took no part in choosing them they are {' and '.join(said)} than random seeds{rest}."


def _surely(each: Comparison) -> bool | None:
    """Whether the gain is above 0; None where its interval holds 0, or is not known."""
    if (gain := each.gain.interval) is None or gain[0] <= 0 <= gain[1]:
        return None
    return gain[0] > 0


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
