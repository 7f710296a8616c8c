"""A canary: small pictures of the golden seeds as the run drew them, with which those of another place are compared."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Annotated, Final, Self

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from seedscope.analysis.select.strict import Strict
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.study.schema import LARGEST_SEED

SIDE: Final = 16
"""Pixels of the longer side: so small that a picture takes about a kilobyte, and rounding averages out."""
TOLERANCES: Final = {"float32": 1.0, "float16": 1.0, "bfloat16": 2.0}
"""Root mean square over a small picture, of 255, by the dtype of the list.

Measured with sprout (4 steps): another batch 0, float16 against float32 0.3; a LoRA of 2 % of the attention's weights 2.9,
noise of 1 % on all weights 6, an autoencoder's scaling off by 5 % 2.7. bfloat16 makes 0.7 in a small random model.
"""


class Canary(Strict):
    """One prompt with each golden seed, as drawn by the run, made small by averaging."""

    prompt: str
    tolerance: float = Field(
        gt=0, description="root mean square difference of a small picture, of 255, that still passes"
    )
    pictures: dict[Annotated[int, Field(ge=0, le=LARGEST_SEED)], str] = Field(
        min_length=1, description="seed -> PNG as base64, the longer side 16 pixels"
    )

    @classmethod
    def of(cls, prompt: str, pictures: Mapping[int, Pixels], dtype: str) -> Self:
        """pictures: seed -> (H, W, 3) uint8 as the run drew it, with a network in `dtype`."""
        return cls(
            prompt=prompt,
            tolerance=TOLERANCES[dtype],
            pictures={seed: _png(small(pixels)) for seed, pixels in pictures.items()},
        )

    def difference(self, seed: int, pixels: Pixels) -> float:
        """How far a picture (H, W, 3) of a seed is from the canary: root mean square, of 255, of the small pictures."""
        with Image.open(io.BytesIO(base64.b64decode(self.pictures[seed]))) as stored:
            then = np.asarray(stored.convert("RGB"), np.float64)
        here = small(pixels).astype(np.float64)
        if here.shape != then.shape:
            return 255.0
        return float(np.sqrt(np.mean((here - then) ** 2)))


def small(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 -> at most 16 x 16, each pixel the mean of those that it stands for."""
    height, width = pixels.shape[:2]
    longest = max(height, width, SIDE)
    size = max(1, round(width * SIDE / longest)), max(1, round(height * SIDE / longest))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.uint8)


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
