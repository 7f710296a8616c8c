"""The embedding of the Inception network, by which FID is defined."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from seedscope.analysis.features.embedding import Embed, Embedding
from seedscope.pipeline.networks.published import Published
from seedscope.pipeline.networks.weights import fill, read_weights, sha256_of

if TYPE_CHECKING:
    import torch

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_FILE}"
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""torch-fidelity and pytorch-fid (`pt_inception-2015-12-05-6726825d.pth`) publish the same bytes under two names."""
_PUBLISHED = Published("fid_inception", INCEPTION_URL, INCEPTION_SHA256)


class InceptionFID(Embedding):
    """2,048 numbers: the pool3 layer of the Inception network that defines the FID, each >= 0.

    `weights`: the published file (.pth), or its tensors as .safetensors. Without it, torch hub's cache is used, and the file
    is downloaded there once.

    Source: Heusel et al. (2017), arXiv 1706.08500; network, weights and the resize to 299 x 299 as TensorFlow 1.x did it
    (bilinear, not antialiased, corner-aligned at the top left) from torch-fidelity's FeatureExtractorInceptionV3.
    Deviation: none from TTUR's code or torch-fidelity; torchmetrics differs by default (it antialiases; `antialias=False` gives
    these numbers).
    """

    name: ClassVar[str] = "fid_inception"
    dimensions = 2048

    def __init__(self, weights: str | Path | None = None, batch_size: int = 16) -> None:
        super().__init__(batch_size)
        self._weights = None if weights is None else Path(weights)

    def facts(self) -> dict[str, str | int]:
        weights = INCEPTION_SHA256 if self._weights is None else sha256_of(self._weights)
        return {"version": 1, "weights": weights, "input": "299 bilinear TensorFlow 1.x, (x - 128) / 128"}

    def build(self, device: str) -> Embed:
        path = _PUBLISHED.cached() if self._weights is None else self._weights
        if sha256_of(path) != INCEPTION_SHA256:
            message = f"{path} is not the published file {INCEPTION_FILE}: distances from other weights are no FID."
            warnings.warn(message, stacklevel=3)
        network = _empty_inception()
        fill(network, read_weights(path), path)
        network.to(device)

        def embed(images: torch.Tensor) -> torch.Tensor:
            (pooled,) = network(images)
            vectors: torch.Tensor = pooled
            return vectors

        return embed


def _empty_inception() -> torch.nn.Module:
    """torch-fidelity's network on the meta device, without weights."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Inception(FeatureExtractorInceptionV3):  # type: ignore[misc]  # torch-fidelity ships no types
        """The constructor insists on unpickling a file and on filling itself with it: it gets an empty one."""

        def load_state_dict(self, *args: object, **kwargs: object) -> object:
            return super().load_state_dict(*args, **kwargs) if "assign" in kwargs else None

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.device("meta"):
        network: torch.nn.Module = Inception("inception-v3-compat", ["2048"], feature_extractor_weights_path=nothing)
    return network
