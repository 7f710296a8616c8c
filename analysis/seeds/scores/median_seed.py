"""The median seed, which effects are taken over: one bad seed does not move it, as it would move the mean."""

from __future__ import annotations

import warnings

import numpy as np

from seedscope.analysis.seeds.distances.moments import Array

NEAR = 1.5
"""Errors from the median within which a seed could have been the median one."""


def over_median(effect: Array, variance: Array) -> tuple[Array, Array]:
    """Effects (..., S) less their median, and the variance (..., 1) of that median, from the effects' variances (..., S).

    The median is as noisy as the mean of the seeds that lie near it: of all seeds where none matters, of a few where they
    differ by far more than their errors. NaN takes no part.
    """
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of nothing but NaN: NaN
        over = effect - np.nanmedian(effect, axis=-1, keepdims=True)
        mean = np.nanmean(np.where(np.isnan(effect), np.nan, variance), axis=-1, keepdims=True)
    near = (np.abs(over) <= NEAR * np.sqrt(mean)).sum(axis=-1, keepdims=True)
    return over, mean / np.maximum(near, 1)
