"""CogView4: latents in float32, a GLM text padded to multiples of 16 tokens, classifier-free guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

MULTIPLE = 16
"""Source: diffusers, `CogView4Pipeline.check_inputs`, pixels."""


class CogView4(StockFamily):
    """Source: diffusers, `CogView4Pipeline`.

    The network attends to padding, and its call takes no mask, so that texts of different lengths are not called together.
    """

    name = "cogview4"
    draws = "CogView4Pipeline"
    longest = 1024
    mixes_lengths = False
    latents_in_float32 = True

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer, scale = configs("transformer"), pixels_a_cell(configs("vae"))
        side = int(transformer["sample_size"]) * scale
        return Geometry(int(transformer["in_channels"]), scale, (side, side), multiple=MULTIPLE)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, _ = pipe.encode_prompt(text.text, do_classifier_free_guidance=False, device=device, **options)
        return {"prompt_embeds": embeds}
