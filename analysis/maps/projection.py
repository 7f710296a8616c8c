"""The principal components in which pictures are compared: fitted once on a sample, kept with the run, used ever after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.scores.vectors import Vectors
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replacing

SAMPLE = 20_000
KEPT_SHARE = 0.95
MOST_COMPONENTS = 50


@dataclass(frozen=True, eq=False)
class Projection:
    """Vectors (n, D) -> principal components (n, K).

    table: the feature table that it was fitted on, such as `style_efficientnet_lite0-1a2b3c4d`; it takes no other vectors.
    images: size of the sample.
    explained: share of the sample's variance that the components keep, layers weighing the same.
    mean: (D,) float32. axes: (D, K) float32, most variance first.
    """

    table: str
    images: int
    explained: float
    mean: Vectors
    axes: Vectors

    @property
    def width(self) -> int:
        return int(self.axes.shape[1])

    def __call__(self, vectors: Vectors) -> Vectors:
        return np.asarray((vectors - self.mean) @ self.axes, dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write it as safetensors with its facts. Raises StorageError where the folder cannot be written."""
        from safetensors.numpy import save

        facts = {"table": self.table, "images": self.images, "explained": self.explained}
        tensors = {"mean": np.ascontiguousarray(self.mean), "axes": np.ascontiguousarray(self.axes)}
        with replacing(path) as scratch:
            scratch.write_bytes(save(tensors, {"seedscope": json.dumps(facts)}))

    @classmethod
    def load(cls, path: Path) -> Projection:
        """What `save` wrote. Raises FileNotFoundError, or UserError where the file is damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                facts = json.loads(file.metadata()["seedscope"])
                return cls(**facts, mean=file.get_tensor("mean"), axes=file.get_tensor("axes"))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: the run's principal components cannot be read ({error}). Restore the file; or remove it, and new "
                "ones are fitted, in which coordinates differ from those of earlier maps."
            ) from None


def fit_projection(sample: Vectors, layers: int, table: str) -> Projection:
    """Principal components of a sample (n, D) that keep 95 % of its variance, at most 50 of them.

    Each of `layers` equal blocks of columns is centred and scaled to unit mean square length first: the layers of a network
    have other scales, and the largest would stand for all.

    Source: for a PCA ahead of t-SNE, van der Maaten, Hinton (2008), JMLR 9, section 4.2 (30 components; 50 here); for blocks,
    multiple factor analysis (Escofier, Pages 1994, Computational Statistics & Data Analysis 18). Deviation: a block is
    divided by the root of its whole variance, not of its largest eigenvalue.
    Raises UserError where the sample has fewer than 3 pictures, or pictures that are all the same.
    """
    from sklearn.decomposition import PCA

    if len(sample) < 3:
        raise UserError(f"{table}: {len(sample)} pictures have a vector; principal components need at least 3.")
    rows = sample.astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    scale = _scales(rows, layers)
    rows /= scale
    if not rows.any():
        raise UserError(
            f"{table}: all {len(sample)} pictures have one and the same vector, so there is nothing to map."
        )
    most = min(MOST_COMPONENTS, rows.shape[1], len(rows) - 1)
    fitted = PCA(most, svd_solver="covariance_eigh").fit(rows)
    shares = fitted.explained_variance_ratio_.cumsum()
    kept = min(most, int(np.searchsorted(shares, KEPT_SHARE)) + 1)
    axes = fitted.components_[:kept].T / scale[:, None]
    explained = float(shares[kept - 1])
    return Projection(table, len(rows), explained, mean.astype(np.float32), axes.astype(np.float32))


def _scales(centred: npt.NDArray[np.float64], layers: int) -> npt.NDArray[np.float64]:
    """(D,): the root mean square length of each layer's block; 1 for a block that does not vary."""
    lengths = [np.sqrt((block**2).sum(axis=1).mean()) for block in np.split(centred, layers, axis=1)]
    return np.repeat([length or 1.0 for length in lengths], centred.shape[1] // layers)
