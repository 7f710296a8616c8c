"""Scores shuffled between seeds, over and over: the effects that chance gives seeds, and the errors of these.

Where seeds do not differ, the scores of a prompt are exchangeable between seeds, and so are the summed scores of a group of
prompts: they are shuffled by groups, because a shuffle by prompts would take a seed's luck with one object for evidence.
A missing cell stays where it is; sums of unequally many cells are exchangeable once divided by the root of that number.
Source: Good (2005), "Permutation, Parametric and Bootstrap Tests of Hypotheses", for permutation within blocks.
Deviation: a shuffle turns the seeds of each group round by a random number of places, in an order that was drawn once for
each block of groups. These turns are a subgroup of all shuffles, which is enough for exact p-values (Hemerik, Goeman
2018, "Exact testing with random permutations", theorem 2), and sums over many groups spread as under all shuffles; a turn
is a copy of memory, sixty times faster than a shuffle. Above 512 groups, random sets of groups are turned as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, centre_by_prompt
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.ties import ROUNDING, tied

FEWEST_GROUPS = 3
"""Of a seed with scores in fewer groups of prompts nothing is claimed: see `outlying`."""
MOST_GROUPS = 512
BLOCKS = 64
"""Groups are turned in so many blocks, each with an order of its own, or one by one."""
LARGEST_COPY = 2**16
"""Numbers copied at a time: several shuffles at once where groups and seeds are few; they stay in the cache."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sampled:
    """effect: (..., S) of seeds, summing to 0 over them; error: (..., S) standard errors, 0 where nothing varies."""

    effect: Array
    error: Array

    def only(self, seeds: npt.NDArray[np.bool_]) -> Sampled:
        """Of some seeds (S,)."""
        return Sampled(self.effect[..., seeds], self.error[..., seeds])


@dataclass(frozen=True, eq=False)
class Shuffled:
    """observed: of the seeds as they are (S,); chance: of shuffled ones (B, S).

    known: (S,) true for seeds with scores. freedom: (S,) groups behind a seed's error, less one. alike: (S,) true for those
    of the known seeds whose scores were shuffled. judged: (S,) true for those of the known seeds of which something can be
    claimed, which takes scores in `FEWEST_GROUPS` groups of prompts. seen: (S,) what an error's square shows, on average, of
    a seed's luck with groups of prompts: 1 where these are of one size, less where one of them outweighs the others.
    whole: the shuffles of all known seeds, where those here leave some out.
    """

    observed: Sampled
    chance: Sampled
    known: npt.NDArray[np.bool_]
    freedom: Array
    alike: npt.NDArray[np.bool_]
    judged: npt.NDArray[np.bool_]
    seen: Array
    whole: Shuffled | None = None


def shuffled(fit: AdditiveFit, rng: np.random.Generator, shuffles: int) -> Shuffled:
    """Shuffle the scores of a fit. Two fits with the same cells and groups are shuffled alike by generators in one state.

    Raises StatisticsError for fewer than 1 shuffle.
    """
    if shuffles < 1:
        raise StatisticsError(f"{shuffles} shuffles show nothing; ask for at least one.")
    groups = _Groups.of(fit, rng)
    turned = _Moments.none((shuffles, groups.sums.shape[1]))
    for block in np.array_split(rng.permutation(len(groups.sums)), min(BLOCKS, len(groups.sums))):
        _turn(groups.only(block), rng, turned)
    observed = _Moments.of(groups.sums, groups)
    freedom = np.maximum((groups.cells > 0).sum(axis=0) - 1.0, 0.0)
    sampled = [_sampled(moments, groups, fit) for moments in (observed, turned)]
    judged = fit.known & (freedom + 1.0 >= FEWEST_GROUPS)
    return Shuffled(sampled[0], sampled[1], fit.known, freedom, alike=fit.known, judged=judged, seen=groups.seen())


@dataclass(frozen=True, eq=False)
class _Groups:
    """Of each group of prompts and seed, (G, S): sums of prompt-centred scores, the number of cells behind them, and what the
    square of a group's rest counts in the seed's variance (CR2: 1 / (1 - the group's share of the seed's cells))."""

    sums: Array
    cells: Array
    weight: Array

    @classmethod
    def of(cls, fit: AdditiveFit, rng: np.random.Generator) -> _Groups:
        """The groups of a fit, or random sets of them where they are very many."""
        scores = fit.scores
        sums, cells = scores.by_group(centre_by_prompt(scores.values)[1]), scores.by_group(scores.present)
        if len(sums) > MOST_GROUPS:
            sets = np.array_split(rng.permutation(len(sums)), MOST_GROUPS)
            sums, cells = (np.stack([rows[some].sum(axis=0) for some in sets]) for rows in (sums, cells))
        share = cells / np.maximum(cells.sum(axis=0), 1.0)
        return cls(sums, cells, 1.0 / np.where(share < 1.0, 1.0 - share, np.inf))

    def seen(self) -> Array:
        """(S,) `Shuffled.seen`, by the mean of CR2's variance where groups alone vary; 1 for seeds in fewer than two groups."""
        share = self.cells / np.maximum(self.cells.sum(axis=0), 1.0)
        total = (share**2).sum(axis=0)
        shown = (self.weight * share**2 * (1.0 - 2.0 * share + total)).sum(axis=0)
        return np.where((share > 0).sum(axis=0) > 1, shown / np.where(total > 0, total, 1.0), 1.0)

    def only(self, some: Places) -> _Groups:
        return _Groups(self.sums[some], self.cells[some], self.weight[some])


@dataclass(frozen=True, eq=False)
class _Moments:
    """Sums over groups (..., S): of their sums; of weight x cells x sums; of weight x squared sums. `add` adds to them."""

    total: Array
    weighted: Array
    squares: Array

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> _Moments:
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def part(self, some: slice) -> _Moments:
        """A view of some of the rows."""
        return _Moments(self.total[some], self.weighted[some], self.squares[some])

    @classmethod
    def of(cls, sums: Array, groups: _Groups) -> _Moments:
        """Of sums (..., g, S) of these groups."""
        total, squares = sums.sum(axis=-2), np.einsum("...gs,...gs->...s", sums, sums)
        weight, cells = groups.weight[0, 0], groups.cells[0, 0]
        if (groups.weight == weight).all() and (groups.cells == cells).all():
            return cls(total, weight * cells * total, weight * squares)
        pulled = sums * groups.weight
        return cls(
            total, np.einsum("...gs,gs->...s", pulled, groups.cells), np.einsum("...gs,...gs->...s", pulled, sums)
        )

    def add(self, other: _Moments, places: Places | slice = slice(None)) -> None:
        """Those of as many seeds, which stand in other places (S,)."""
        self.total[...] += other.total[..., places]
        self.weighted[...] += other.weighted[..., places]
        self.squares[...] += other.squares[..., places]


def _sampled(moments: _Moments, groups: _Groups, fit: AdditiveFit) -> Sampled:
    """Effects, and the errors that the groups' rests around them give."""
    largest, count = float(np.nanmax(np.abs(fit.scores.values))), np.maximum(groups.cells.sum(axis=0), 1.0)
    effect = tied(moments.total @ fit.inverse, largest)
    spread = (groups.weight * groups.cells**2).sum(axis=0)
    variance = moments.squares - 2.0 * effect * moments.weighted + effect**2 * spread
    error = np.sqrt(np.maximum(variance, 0.0)) / count
    error[error <= np.sqrt(ROUNDING) * largest / count] = 0.0
    return Sampled(effect, error)


def _turn(groups: _Groups, rng: np.random.Generator, into: _Moments) -> None:
    """Turn the sums of a block of groups round among the seeds that have cells, once for each row (B) of `into`."""
    seeds, shuffles = groups.sums.shape[1], len(into.total)
    order = rng.permutation(seeds)
    here = _Groups(groups.sums[:, order], groups.cells[:, order], groups.weight[:, order])
    uneven = bool((here.cells != here.cells[:, :1]).any())
    root = np.sqrt(here.cells) if uneven else np.ones_like(here.cells)
    unit = np.divide(here.sums, root, out=np.zeros_like(root), where=root > 0)
    packed, places, length = _packed(unit, here.cells > 0)
    turned, row, back = sliding_window_view(packed, seeds, axis=1), np.arange(len(unit)), np.argsort(order)
    at_once = max(LARGEST_COPY // unit.size, 1)
    for start in range(0, shuffles, at_once):
        part = slice(start, min(start + at_once, shuffles))
        drawn = turned[row, rng.integers(0, length, (part.stop - start, len(row)))]
        if uneven:
            drawn = np.take_along_axis(drawn, places[None], axis=2) * root
        into.part(part).add(_Moments.of(drawn, here), back)


def _packed(unit: Array, present: npt.NDArray[np.bool_]) -> tuple[Array, Places, Places]:
    """Rows (g, 2 S) of each group's present values, repeated; each seed's place among them (g, S); their number (g,)."""
    length = np.maximum(present.sum(axis=1), 1)
    first = np.argsort(~present, axis=1, kind="stable")
    again = np.arange(2 * unit.shape[1]) % length[:, None]
    packed = np.take_along_axis(np.take_along_axis(unit, first, axis=1), again, axis=1)
    return packed, np.maximum(np.cumsum(present, axis=1) - 1, 0), length
