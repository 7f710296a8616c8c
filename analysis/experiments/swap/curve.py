"""How far pictures go that are swapped to another seed's later noise at a step, where initial seeds are 1 apart.

Each prompt has one step seed for its swaps. A picture of seed i that goes on with the noise of j from step k lies between two
anchors: the plain picture of i, which it is where the swap comes after the last step, and the picture of i's latent with all
of j's later noise.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.experiments.swap.crossed import Cell, Design
from seedscope.analysis.experiments.swap.distances import Distance
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.bearing import Way, means
from seedscope.analysis.seeds.scores.scores import StatisticsError


@dataclass(frozen=True, eq=False)
class Curve:
    """By one distance: K steps; means over prompts (K,) with their intervals, where two initial seeds are 1 apart.

    own: from the plain picture of the initial seed. other: from the picture with all later noise of the other seed. apart: mean
    distance of two initial seeds' plain pictures, in the distance's own unit. prompts: with a picture of every cell.
    """

    distance: str
    steps: tuple[int, ...]
    own: Way
    other: Way
    apart: float
    prompts: int

    @property
    def half(self) -> float | None:
        """The step at which a swap moves the picture half as far as one before the first step, between steps on a line; None
        where that moves no picture."""
        if self.own.mean[0] <= 0:
            return None
        heights = self.own.mean / self.own.mean[0]
        below = int(np.flatnonzero(heights <= 0.5)[0])
        return float(np.interp(0.5, heights[[below, below - 1]], np.array(self.steps)[[below, below - 1]]))


def curve(design: Design, distance: Distance) -> Curve:
    """Of pictures swapped on the way.

    Raises:
        StatisticsError: no prompt has all pictures, or pictures of two initial seeds do not differ.
    """
    steps, rows = design.steps, list[tuple[Array, Array, float]]()
    member, groups = list[int](), list[str](sorted(set(design.groups.tolist())))
    for place, prompt in enumerate(design.prompts):
        own, other, apart = _of_prompt(design, prompt, design.turn[place], steps, distance)
        if not np.isnan(apart) and apart > 0 and not np.isnan(own).any() and not np.isnan(other).any():
            rows.append((own / apart, other / apart, apart))
            member.append(groups.index(str(design.groups[place])))
    if not rows:
        raise StatisticsError("No prompt has all pictures, with pictures of the initial seeds that differ.")
    own, other = (np.stack([row[side] for row in rows], axis=1)[..., None] for side in (0, 1))
    places = np.unique(member, return_inverse=True)[1]
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of a single group: NaN
        ways = [_flat(means(values, places)) for values in (own, other)]
    return Curve(
        distance.name, tuple(steps), ways[0], ways[1], float(np.mean([apart for _, _, apart in rows])), len(rows)
    )


def _of_prompt(
    design: Design, prompt: str, turn: int, steps: list[int], distance: Distance
) -> tuple[Array, Array, float]:
    """(K,) mean distances from both anchors over the initial seeds but the step seed itself, and that of two initial seeds."""
    seeds = [seed for seed in design.seeds if seed != turn]
    at = {step: design.on_the_way[prompt, step] for step in steps}
    swapped: list[Cell] = [(seed, at[step]) for step in steps for seed in seeds]
    plain: list[Cell] = [(seed, at[steps[-1]]) for _ in steps for seed in seeds]
    whole: list[Cell] = [(seed, at[steps[0]]) for _ in steps for seed in seeds]
    around = [*design.seeds[1:], design.seeds[0]]
    neighbours = [
        ((seed, at[steps[-1]]), (next_one, at[steps[-1]])) for seed, next_one in zip(design.seeds, around, strict=True)
    ]
    found = distance.between(
        [*zip(swapped, plain, strict=True), *zip(swapped, whole, strict=True), *neighbours[: _pairs(len(around))]]
    )
    count = len(swapped)
    own, other = (found[start : start + count].reshape(len(steps), len(seeds)).mean(axis=1) for start in (0, count))
    return own, other, float(found[2 * count :].mean())


def _pairs(seeds: int) -> int:
    """Neighbours among so many seeds in a circle; two seeds are one pair."""
    return seeds if seeds > 2 else 1


def _flat(way: Way) -> Way:
    return Way(way.mean[:, 0], way.lo[:, 0], way.hi[:, 0])
