"""What a classifier without any learning of pictures makes of numbers: linear discriminants with a shrunken covariance.

Source: Ledoit and Wolf 2004 for the shrinkage; scikit-learn, `LinearDiscriminantAnalysis(solver="lsqr")`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]


def linear_probe(learnt: Rows, tried: Rows) -> npt.NDArray[np.int64]:
    """The seeds that rows of numbers are taken for.

    Columns are standardised by what is learnt from; one that never varies there is left out, and a value that is missing
    stands at the mean.

    Args:
        learnt: (P, S, D), prompts x seeds.
        tried: (Q, S, D).

    Returns:
        (Q, S), the places of seeds.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    mean, sd = np.nanmean(learnt, axis=(0, 1)), np.nanstd(learnt, axis=(0, 1))
    told = np.isfinite(sd) & (sd > 0)
    if not told.any():
        return np.zeros(tried.shape[:2], np.int64)

    def rows(values: Rows) -> Rows:
        scaled = (values[..., told] - mean[told]) / sd[told]
        whole: Rows = np.nan_to_num(scaled, nan=0.0).reshape(-1, int(told.sum()))
        return whole

    labels = np.tile(np.arange(learnt.shape[1]), len(learnt))
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    found: npt.NDArray[np.int64] = model.fit(rows(learnt), labels).predict(rows(tried))
    return found.reshape(tried.shape[:2])
