"""Embeddings: a vector a picture, made by a network, as Frechet distances and style compare them.

torch is imported when a network is built or used, so that names and fingerprints cost nothing.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.features.base import Feature, Measurer, check_pictures
from seedscope.pipeline.tables.columns import column

if TYPE_CHECKING:
    import torch

Embed = Callable[["torch.Tensor"], "torch.Tensor"]
"""(N, dimensions) float32 of pictures (N, 3, H, W) uint8, on one device."""


class Embedding(Feature):
    """One vector of `dimensions` float32 numbers an image, stored as fixed-size list under the feature's name."""

    needs_reference: ClassVar[bool] = True

    def __init__(self, batch_size: int = 16) -> None:
        self._batch_size = batch_size

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Length of a vector, known without building the network."""

    def fields(self) -> list[pa.Field]:
        vector = "The picture as a vector of a network, by which seeds are compared."
        return [column(self.name, pa.list_(pa.float32(), self.dimensions), vector)]

    def fingerprint(self) -> str:
        facts = {"feature": self.name} | self.facts()
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> Embedder:
        return Embedder(self.name, self.dimensions, self.build(device), device, self._batch_size)

    @abstractmethod
    def facts(self) -> dict[str, str | int]:
        """What determines the values, for the fingerprint: weights, preprocessing, a version to raise with the code."""

    @abstractmethod
    def build(self, device: str) -> Embed:
        """A function that holds the network with its weights, on a torch device, evaluating."""


@dataclass(frozen=True)
class Embedder(Measurer):
    """An embedding with its network, which gets `batch_size` pictures a call.

    Computed in float32 without TF32, so that a vector moves by less than 1e-4 with the images that share its batch.
    """

    name: str
    dimensions: int
    embed: Embed
    device: str
    batch_size: int

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        rows = self._rows(pixels)
        return {self.name: pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), self.dimensions)}

    def _rows(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        import torch

        rows = np.empty((len(pixels), self.dimensions), np.float32)
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            for start in range(0, len(pixels), self.batch_size):
                chunk = np.ascontiguousarray(pixels[start : start + self.batch_size].transpose(0, 3, 1, 2))
                images = torch.from_numpy(chunk).to(self.device)
                rows[start : start + len(chunk)] = self.embed(images).cpu().numpy()
        return rows
