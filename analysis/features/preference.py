"""How well a picture suits its prompt, by networks trained on captions (CLIP) or on people's choices (PickScore, HPS)."""

from __future__ import annotations

import hashlib
import json
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cachetools import LRUCache

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature, Measurer, check_pictures
from seedscope.pipeline.networks.clip_models import DualEncoder
from seedscope.pipeline.tables.columns import column

if TYPE_CHECKING:
    import torch

REMEMBERED_TEXTS = 32_768
"""Texts whose features are kept: more prompts than a unit has; at D = 1,024 they take 128 MiB."""


class Preference(Feature):
    """One float32 score an image, and whether its prompt was too long and therefore cut (bool `<name>_prompt_cut`).

    The score is a cosine in [-1, 1] of picture and prompt, times `scale`; null where it is undefined (a feature of
    length zero or not finite). It ranks pictures of one prompt; centre by prompt before comparing across prompts.
    """

    says: ClassVar[str]
    """What the score means, in a sentence."""

    unit: ClassVar[str] = "cosine"

    def __init__(self, batch_size: int, half: bool) -> None:
        self.batch_size = batch_size
        self.half = half

    def fields(self) -> list[pa.Field]:
        return [
            column(self.name, pa.float32(), self.says, self.unit),
            column(f"{self.name}_prompt_cut", pa.bool_(), "Whether the prompt was too long to be read to its end."),
        ]

    def scalars(self) -> dict[str, Better | None]:
        return {self.name: "higher"}

    def fingerprint(self) -> str:
        facts = {"feature": self.name, "half on cuda": self.half} | self.facts()
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> Scorer:
        encoder = self.build()
        encoder.network.to(device)
        return Scorer(self, encoder, device)

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What determines the values, for the fingerprint: weights, preprocessing, a version to raise with the code."""

    @abstractmethod
    def build(self) -> DualEncoder:
        """The encoders with their weights, on the CPU, in evaluation mode."""

    def scale(self, encoder: DualEncoder) -> float:  # noqa: ARG002  (for subclasses)
        """What a cosine is multiplied by."""
        return 1.0


class Scorer(Measurer):
    """A preference score with its encoders on a device.

    Each text is encoded once and remembered. Networks run in float32 or, where `half`, on CUDA devices in float16 as
    `torch.autocast` does it; features are then normalised and multiplied in float32. Batches of texts, and float16 ones of
    pictures, always have `batch_size` rows, the last one repeated, because kernels chosen by batch size would round
    differently: the scores of a unit would hang on which texts the process has met before.
    """

    def __init__(self, feature: Preference, encoder: DualEncoder, device: str) -> None:
        self.encoder = encoder
        self.feature = feature
        self._batch_size, self._half = feature.batch_size, feature.half
        self._device = device
        self._texts: LRUCache[str, tuple[torch.Tensor, bool]] = LRUCache(REMEMBERED_TEXTS)
        self._warned = False

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        scores, cut = self._scores(pixels, prompts)
        name = self.feature.name
        return {
            name: pa.array(scores, mask=~np.isfinite(scores)),
            f"{name}_prompt_cut": pa.array(cut, pa.bool_()),
        }

    def _scores(
        self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]
    ) -> tuple[npt.NDArray[np.float32], list[bool]]:
        import torch

        encoder, scores = self.encoder, np.empty(len(pixels), np.float32)
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            texts = self._remembered(prompts)
            for start in range(0, len(pixels), self._batch_size):
                rows = slice(start, start + self._batch_size)
                images = torch.from_numpy(np.ascontiguousarray(pixels[rows].transpose(0, 3, 1, 2))).to(self._device)
                pictures = self._directions(encoder.image_features, encoder.prepare(images), filled=self._in_half())
                cosines = (pictures * torch.stack([direction for direction, _ in texts[rows]])).sum(dim=1)
                scores[rows] = (self.feature.scale(encoder) * cosines).cpu().numpy()
        return scores, [cut for _, cut in texts]

    def _remembered(self, prompts: Sequence[str]) -> list[tuple[torch.Tensor, bool]]:
        """The direction (D,) of each prompt and whether it was cut; those not met lately are encoded, once each."""
        known = {prompt: self._texts[prompt] for prompt in dict.fromkeys(prompts) if prompt in self._texts}
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in known]
        for start in range(0, len(new), self._batch_size):
            chunk = new[start : start + self._batch_size]
            tokens, cut = self.encoder.tokens(chunk)
            directions = self._directions(self.encoder.text_features, tokens.to(self._device), filled=True)
            known.update(zip(chunk, zip(directions, cut, strict=True), strict=True))
            self._warn([prompt for prompt, was_cut in zip(chunk, cut, strict=True) if was_cut])
        self._texts.update(known)
        return [known[prompt] for prompt in prompts]

    def _directions(
        self, encode: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor, *, filled: bool
    ) -> torch.Tensor:
        """Features (N, D) float32 of length one; NaN where they have no direction. filled: see the class."""
        import torch

        count, half = len(inputs), self._in_half()
        if filled and count < self._batch_size:
            inputs = torch.cat([inputs, inputs[-1:].expand(self._batch_size - count, *inputs.shape[1:])])
        with torch.autocast(torch.device(self._device).type, dtype=torch.float16, enabled=half):
            features = encode(inputs)[:count].float()
        lengths: torch.Tensor = features.norm(dim=1, keepdim=True)
        return features / lengths

    def _in_half(self) -> bool:
        return self._half and self._device.startswith("cuda")

    def _warn(self, cut: list[str]) -> None:
        if cut and not self._warned:
            self._warned = True
            name = self.feature.name
            message = f"{name}: prompts longer than its text encoder takes are cut ({cut[0][:60]!r} ...)"
            warnings.warn(f"{message}; the column {name}_prompt_cut names them.", stacklevel=5)
