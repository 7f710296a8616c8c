"""How much of what is not wanted is in a picture: its score with the negative prompt of its pair."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature, Measurer
from seedscope.analysis.features.preference import Preference
from seedscope.pipeline.drawing.tasks.negatives import UNWANTED
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.tables.columns import column


class Presence(Feature):
    """One float32 a picture: what `by` says of it with what is not wanted in place of its prompt.

    Pictures that are drawn with an unrelated negative prompt are scored with that of their pair too.
    """

    name: ClassVar[str] = "presence"

    def __init__(self, by: Preference) -> None:
        self.by = by

    def fields(self) -> list[pa.Field]:
        return [column(self.name, pa.float32(), "How much of what is not wanted the picture shows, as a score of it.")]

    def scalars(self) -> dict[str, Better | None]:
        return {self.name: "lower"}

    def fingerprint(self) -> str:
        return hashlib.sha256(f"presence 1 {self.by.fingerprint()}".encode()).hexdigest()

    def load(self, device: str) -> Measurer:
        return _Scorer(self.by, self.by.load(device))


class _Scorer(Measurer):
    def __init__(self, by: Preference, measurer: Measurer) -> None:
        self._by, self._measurer = by, measurer

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        """By texts that say what is not wanted."""
        return {Presence.name: self._measurer.compute(pixels, prompts)[self._by.name]}

    def measure(
        self,
        pixels: npt.NDArray[np.uint8],
        prompts: Sequence[Prompt],
        masks: npt.NDArray[np.bool_] | None = None,  # noqa: ARG002
    ) -> dict[str, pa.Array]:
        return self.compute(pixels, [str(prompt.facts[UNWANTED]) for prompt in prompts])
