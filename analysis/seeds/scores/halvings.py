"""Prompts halved again and again: what the best seeds of one half are worth on the other, which took no part in choosing.

One halving is a lottery ticket: another gives another list. Over many, each used both ways round, a seed's share of the halves
that choose it says how firmly it stands, and the mean on the other halves is what choosing so is worth, without the luck
that the best of many have on the prompts that chose them.
A group of prompts is never torn. Which half it goes to follows from its name alone, so that a study that grows keeps its
halvings.
Source: Meinshausen, Buehlmann (2010), "Stability selection"; Shah, Samworth (2013), "Variable selection with error control:
another look at stability selection" (both halves of each split); Cox (1975), "A note on data-splitting for the evaluation
of significance levels".
Deviation: prompts' own levels are taken out by the fit to all prompts, which know nothing of seeds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.analysis.seeds.scores.ties import tied

HALVINGS = 128


@dataclass(frozen=True, eq=False)
class Halvings:
    """Of H halves of the prompts, the other half of each among them: first, second: (H, S) effects of the seeds over the median
    seed, on the half and on its other half; NaN for a seed without scores there."""

    first: Array
    second: Array


@dataclass(frozen=True, eq=False)
class HeldOut:
    """chosen: (S,) share of halves that have the seed among their k best, 0..1. held: (S,) share of these on whose other half
    it is better than the median seed, NaN for one never chosen. gain: (S,) its mean effect over the median seed on these other
    halves, positive where better, in the score's unit."""

    chosen: Array
    held: Array
    gain: Array


def halvings(fit: AdditiveFit) -> Halvings | None:
    """Effects of the seeds on halves of the prompts; None where there are fewer than two groups."""
    if len(fit.scores.groups) < 2:
        return None
    half = halves(fit.scores.groups)
    sums, cells = around_prompts(fit)
    largest = float(np.nanmax(np.abs(fit.scores.values)))
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = tied((half @ sums) / (half @ cells), largest)
    effect[np.isnan(effect).all(axis=1)] = 0.0  # a half without any prompt chooses nobody: all seeds tie there
    effect = effect - np.nanmedian(effect, axis=1, keepdims=True)
    return Halvings(effect, np.roll(effect, HALVINGS, axis=0))


def around_prompts(fit: AdditiveFit) -> tuple[Array, Array]:
    """Sums (G, S) over each group of scores less their prompt's level, and the number of cells behind them (G, S)."""
    scores = fit.scores
    around = np.where(scores.present, scores.values - fit.prompt[:, None], 0.0)
    return scores.by_group(around), scores.by_group(scores.present)


def halves(groups: npt.NDArray[np.generic]) -> Array:
    """(H, G) 1 for the groups of a half, 0 for those of its other half, which is the row HALVINGS further on or back."""
    digests = [hashlib.sha256(str(name).encode()).digest() for name in groups]
    half = np.array([np.unpackbits(np.frombuffer(digest, np.uint8))[:HALVINGS] for digest in digests], np.float64).T
    return np.concatenate([half, 1.0 - half])


def held_out(halves: Halvings, k: int, better: Better) -> HeldOut:
    """How the k best seeds of each half do on the other half; equal seeds at the edge of the k best share the place."""
    good, other = sign(better) * halves.first, sign(better) * halves.second
    chosen = among_best(good, k)
    times = chosen.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        held = (chosen * (other > 0)).sum(axis=0) / times
        gain = np.nansum(chosen * other, axis=0) / times
    return HeldOut(times / len(good), held, gain)


def among_best(good: Array, k: int) -> Array:
    """(H, S) 1 for the k largest of each row (H, S), 0 for others and NaN; those that tie at the edge share what is left."""
    filled = np.where(np.isnan(good), -np.inf, good)
    edge = -np.sort(-filled, axis=1)[:, k - 1 : k]
    above, at = filled > edge, (filled == edge) & np.isfinite(filled)
    return np.asarray(
        above + at * ((k - above.sum(axis=1, keepdims=True)) / np.maximum(at.sum(axis=1, keepdims=True), 1))
    )
