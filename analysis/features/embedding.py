"""Image embeddings for Frechet distances: EfficientNet-Lite0, which ships as a package, and the Inception network of FID.

torch is imported when a network is built or used, so that names and fingerprints cost nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.features.base import Feature, check_pictures
from seedscope.analysis.features.lite0 import LITE0_INPUT, lite0_file, lite0_maps, lite0_network
from seedscope.analysis.features.published import Published
from seedscope.analysis.features.weights import fill, read_weights, sha256_of

if TYPE_CHECKING:
    import torch

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_FILE}"
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""torch-fidelity and pytorch-fid (`pt_inception-2015-12-05-6726825d.pth`) publish the same bytes under two names."""
_PUBLISHED = Published("fid_inception", INCEPTION_URL, INCEPTION_SHA256)


class Embedding(Feature):
    """One vector of `dimensions` float32 numbers an image, stored as fixed-size list under the feature's name.

    Computed in float32 without TF32, so that a vector moves by less than 1e-4 with the images that share its batch.
    """

    needs_reference: ClassVar[bool] = True

    def __init__(self, batch_size: int = 16) -> None:
        self._batch_size = batch_size
        self._network: torch.nn.Module | None = None
        self._device = "cpu"

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Length of a vector, known without building the network."""

    def fields(self) -> list[pa.Field]:
        return [pa.field(self.name, pa.list_(pa.float32(), self.dimensions))]

    def fingerprint(self) -> str:
        facts = {"feature": self.name} | self.facts()
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> None:
        if self._network is None:
            self._network = self.build()
        self._network.to(device)
        self._device = device

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        rows = self._rows(pixels)
        return {self.name: pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), self.dimensions)}

    def _rows(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        import torch

        if self._network is None:
            raise RuntimeError(f"{self.name}: load(device) comes before compute(...)")
        rows = np.empty((len(pixels), self.dimensions), np.float32)
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            for start in range(0, len(pixels), self._batch_size):
                chunk = np.ascontiguousarray(pixels[start : start + self._batch_size].transpose(0, 3, 1, 2))
                images = torch.from_numpy(chunk).to(self._device)
                rows[start : start + len(chunk)] = self.embed(self._network, images).cpu().numpy()
        return rows

    @abstractmethod
    def facts(self) -> dict[str, str | int]:
        """What determines the values, for the fingerprint: weights, preprocessing, a version to raise with the code."""

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """The network with its weights, on the CPU, in evaluation mode."""

    @abstractmethod
    def embed(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """(N, dimensions) float32 of images (N, 3, H, W) uint8 on the network's device."""


class EfficientNetLite0(Embedding):
    """1,280 numbers: the global average pool in front of EfficientNet-Lite0's ImageNet classifier, each in [0, 6].

    The whole picture is resized to 224 x 224 (bicubic, a = -0.5, widened when it shrinks, in float32 without rounding,
    then clipped to [0, 255]) and scaled to (x - 127) / 128.

    Source: network and scaling, github.com/tensorflow/tpu, efficientnet/lite; resize, Parmar et al. (2022), arXiv
    2104.11222, section 3. Deviation: the classifier's evaluation crops the middle 87.5 %; here nothing is cut off.
    """

    name: ClassVar[str] = "fd_efficientnet_lite0"
    dimensions = 1280

    def facts(self) -> dict[str, str | int]:
        return {"version": 1, "weights": sha256_of(lite0_file()), "input": LITE0_INPUT}

    def build(self) -> torch.nn.Module:
        return lite0_network()

    def embed(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        return lite0_maps(network, images)["head"].mean(dim=(2, 3))


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

    def build(self) -> torch.nn.Module:
        path = _PUBLISHED.cached() if self._weights is None else self._weights
        if sha256_of(path) != INCEPTION_SHA256:
            message = f"{path} is not the published file {INCEPTION_FILE}: distances from other weights are no FID."
            warnings.warn(message, stacklevel=3)
        network = _empty_inception()
        fill(network, read_weights(path), path)
        return network

    def embed(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        (pooled,) = network(images)
        vectors: torch.Tensor = pooled
        return vectors


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
