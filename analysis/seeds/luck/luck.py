"""What the luck of its seeds does to a score of a model, or to the difference of two models' scores, n by n.

Everything is told twice: by variances (`spread`), which Student's t turns into intervals, and by drawing seeds of the run again
(`redrawn`), which knows nothing of variances. Of a mean score the first counts, of a distance, whose variances are those of its
first-order part alone (`influence`), the second, as far as there are draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from seedscope.analysis.seeds.luck.estimate import Estimate, Needed, prediction
from seedscope.analysis.seeds.luck.redrawn import Redrawn
from seedscope.analysis.seeds.luck.spread import Spread

Way = Literal["common", "own", "paired common", "paired own", "unpaired common", "unpaired own"]
APART = 0.15
"""By which the two ways of telling may differ, of the wider one, before it is said."""


@dataclass(frozen=True)
class Moves:
    """How far a score of n seeds moves. sd: its standard deviation. lo, hi: in which that of another draw lies, at 95 %; None
    where its middle is not known, as of a distance of so many seeds that none was drawn. half: half of that. by_luck: the
    largest difference of two models that luck alone explains (5 %). found: the true one that is found in 80 %."""

    sd: float
    lo: float | None
    hi: float | None
    half: float
    by_luck: float
    found: float


@dataclass(frozen=True)
class Told:
    """analytic: by variances. drawn: by drawing seeds of the run again; None where that cannot be. first: which counts."""

    analytic: Moves
    drawn: Moves | None
    first: Literal["analytic", "drawn"]

    @property
    def moves(self) -> Moves:
        return self.drawn if self.first == "drawn" and self.drawn is not None else self.analytic

    @property
    def ratio(self) -> float | None:
        """Half the interval by draws over that by variances; None where there are no draws, or nothing moves."""
        return None if self.drawn is None or self.analytic.half == 0 else self.drawn.half / self.analytic.half

    @property
    def agree(self) -> bool:
        """Whether both ways say the same, as far as that can be told."""
        return self.ratio is None or abs(self.ratio - 1.0) <= APART


@dataclass(frozen=True, eq=False)
class Kind:
    """One way to give seeds to pictures, and what it makes of a score.

    score: variance of what is foretold. apart: that of a difference between two models; drawn, drawn_apart: n -> draws of
    the same.
    """

    score: Estimate
    apart: Estimate
    drawn: Mapping[int, Redrawn] = field(default_factory=dict)
    drawn_apart: Mapping[int, Redrawn] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Luck:
    """name: of the measurement, or distance. spread: of its score, or, of two models, of their difference. score: with all
    seeds. by_n: n -> way -> how far it moves. needed: way -> seeds that a given difference takes; empty where none is given."""

    name: str
    is_distance: bool
    unit: str | None
    spread: Spread
    score: float
    by_n: Mapping[int, Mapping[Way, Told]]
    needed: Mapping[Way, Needed]


def luck(
    name: str,
    spread: Spread,
    kinds: Mapping[Way, Kind],
    counts: Sequence[int],
    *,
    asked: int,
    difference: float | None,
    distance: float | None = None,
    unit: str | None = None,
) -> Luck:
    """Put together what is known of a score.

    Args:
        spread: of the score, or of the difference of two models' scores.
        counts: numbers of seeds to tell of; `asked` is one of them.
        difference: for which seeds are needed, > 0.
        distance: of all seeds, of a distance; its spread is that of the influences.
    """
    by_n = {
        n: {way: _told(kind, n, spread, is_distance=distance is not None) for way, kind in kinds.items()}
        for n in counts
    }
    needed = dict[Way, Needed]()
    for way, kind in kinds.items():
        if difference is None:
            break
        by_draws = kind.drawn_apart.get(asked) if distance is not None else None
        estimate = kind.apart if by_draws is None else by_draws.estimate
        needed[way] = estimate.needed(difference)
    score = spread.score if distance is None else distance
    return Luck(name, distance is not None, unit, spread, score, by_n, needed)


def of_one(spread: Spread, common: Mapping[int, Redrawn], own: Mapping[int, Redrawn]) -> dict[Way, Kind]:
    """The ways of one model, from n -> draws of each."""

    def kind(estimate: Estimate, drawn: Mapping[int, Redrawn]) -> Kind:
        return Kind(estimate, estimate.times(2), drawn, {n: each.twice() for n, each in drawn.items()})

    return {"common": kind(spread.common, common), "own": kind(spread.own, own)}


Drawn = Mapping[int, tuple[Redrawn, Redrawn]]
"""n -> draws of the two models, the same seeds for both."""


def of_two(one: Spread, other: Spread, apart: Spread, common: Drawn, own: Drawn) -> dict[Way, Kind]:
    """The ways of two models, with the same seeds for both (paired) and with others."""
    found = dict[Way, Kind]()
    ways: tuple[tuple[Way, Way, bool, Drawn], ...] = (
        ("paired common", "unpaired common", True, common),
        ("paired own", "unpaired own", False, own),
    )
    for paired, unpaired, is_common, drawn in ways:
        both = {n: a.less(b) for n, (a, b) in drawn.items()}
        each = {n: a.against(b) for n, (a, b) in drawn.items()}
        alone = one.of(common=is_common).plus(other.of(common=is_common))
        together = apart.of(common=is_common)
        found[paired] = Kind(together, together, both, both)
        found[unpaired] = Kind(alone, alone, each, each)
    return found


def _told(kind: Kind, n: int, spread: Spread, *, is_distance: bool) -> Told:
    drawn, apart = kind.drawn.get(n), kind.drawn_apart.get(n)
    half = prediction(kind.score, n, spread.common, spread.seeds)
    middle = spread.score if not is_distance else None if drawn is None else drawn.mean
    analytic = Moves(
        kind.score.spread(n),
        None if middle is None else middle - half,
        None if middle is None else middle + half,
        half,
        kind.apart.by_luck(n),
        kind.apart.found(n),
    )
    if drawn is None or apart is None:
        return Told(analytic, None, "analytic")
    centre = spread.common.variance / kind.score.variance if kind.score.variance > 0 else 1.0
    lo, hi = drawn.interval(centre)
    more = kind.apart.found(n) / kind.apart.by_luck(n) if kind.apart.variance > 0 else 1.0
    off = apart.by_luck()
    by_draws = Moves(drawn.estimate.spread(n), lo, hi, (hi - lo) / 2, off, off * more)
    return Told(analytic, by_draws, "drawn" if is_distance else "analytic")
