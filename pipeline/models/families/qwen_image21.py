"""Qwen-Image 2.1: latents of one cell a token, a Qwen 3 VL text of any length, pictures with an alpha channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Geometry
from seedscope.pipeline.models.families.qwen_image import QwenImage
from seedscope.pipeline.study.schema import Compute, Sampling

if TYPE_CHECKING:
    import torch

SCALE, SIDE = 16, 1024
"""Source: diffusers, `QwenImage21Pipeline`: `vae_scale_factor`, and `output_resolution` of its call, pixels."""


class QwenImage21(QwenImage):
    """Source: diffusers, `QwenImage21Pipeline`, without `image`.

    The network counts the place of a picture from the end of its text, padding included (`QwenImage21Transformer2DModel`), so
    that texts of different lengths are not called together.

    Deviation: of pictures with an alpha channel the colours alone are kept, as `picture.convert("RGB")` does.
    """

    name = "qwen-image-2.1"
    draws = "QwenImage21Pipeline"
    tokenizer: ClassVar[str] = "processor"
    longest = math.inf
    form = "a token a cell"
    mixes_lengths = False

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        return Geometry(int(configs("transformer")["in_channels"]), SCALE, (SIDE, SIDE), multiple=2 * SCALE)

    def shaped(self, noise: torch.Tensor) -> torch.Tensor:
        return noise.flatten(2).transpose(1, 2)

    def pictures(self, output: Any) -> torch.Tensor:
        pictures: torch.Tensor = output.images[:, :3]
        return pictures

    def refuse_model(self, configs: Configs, sampling: Sampling, compute: Compute) -> None:  # noqa: ARG002
        own = configs("").get("sample_sigmas")
        if own is not None and "sigmas" not in sampling.call and len(own) != sampling.steps:
            raise ModelError(
                f"sampling.steps: the model has its own {len(own)} noise levels, and makes {len(own)} steps."
            )
