"""Which seeds lie far off all others, by so many times what their errors are, or what the others differ by.

The first are no likely draws of what chance gives, so that shuffles leave them out (`outlying`). Where seeds decide most of a
measurement, as of brightness, these are a third of all, and good draws of how seeds differ. Broken ones are far off by both.
Source of the second: Hampel (1974), "The Influence Curve and Its Role in Robust Estimation" (the median absolute deviation).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array

OWN = 3.0**-0.5
"""So much of its own error counts, where that is more than the usual one: a bad seed may be an unsteady one."""
BROKEN = 5.0
"""Off the median seed by so many times what seeds differ by, if these are normal draws but for some broken ones."""
NORMAL_MAD = 1.4826
"""A normal standard deviation over its median absolute deviation."""


def far_seeds(effect: Array, error: Array, times: Array, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(S,) true for seeds that lie so many `times` (S,) the errors of seeds off the median seed; none, where they are half of
    the seeds or more. `among`: (S,) the seeds with an effect (S,) and an error (S,), of which this is asked."""
    far = _beyond(effect, error, times, among)
    return far if 2 * far.sum() < among.sum() else np.zeros_like(far)


def broken_seeds(effect: Array, error: Array, times: Array, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """As `far_seeds`, (S,) true for those that are as far off by how the seeds differ, too: less than half of them, always.

    Where half of the seeds or more tie, as of rare events, these say nothing of how seeds differ.
    """
    if not among.any():
        return among
    off = np.abs(effect - np.median(effect[among]))
    spread = NORMAL_MAD * np.median(off[among])
    if spread == 0.0:
        return far_seeds(effect, error, times, among)
    with np.errstate(invalid="ignore"):  # of seeds that have no effect: false
        return np.asarray((off > BROKEN * spread) & _beyond(effect, error, times, among))


def _beyond(effect: Array, error: Array, times: Array, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if not among.any():
        return among
    usual = np.sqrt(np.mean(error[among] ** 2))
    with np.errstate(invalid="ignore"):  # of seeds that have neither: false
        off = np.abs(effect - np.median(effect[among]))
        return np.asarray(among & (off > times * np.maximum(usual, OWN * error)))
