"""Which seeds lie far off all others, by so many times what seeds vary."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array

OWN = 3.0**-0.5
"""So much of its own error counts, where that is more than the usual one: a bad seed may be an unsteady one."""


def far_seeds(effect: Array, error: Array, times: Array, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(S,) true for seeds that lie so many `times` (S,) the errors of seeds off the median seed; none, where they are half of
    the seeds or more. `among`: (S,) the seeds with an effect (S,) and an error (S,), of which this is asked."""
    if not among.any():
        return among
    usual = np.sqrt(np.mean(error[among] ** 2))
    with np.errstate(invalid="ignore"):  # of seeds that have neither: false
        far = among & (np.abs(effect - np.median(effect[among])) > times * np.maximum(usual, OWN * error))
    return far if 2 * far.sum() < among.sum() else np.zeros_like(far)
