"""Stable Diffusion 3 and 3.5: two CLIP texts and a T5 text, classifier-free guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

CLIP_TOKENS = 77
SKIPPING = frozenset({"skip_layer_guidance_scale", "skip_layer_guidance_start", "skip_layer_guidance_stop"})
"""Arguments of the call that say how strongly, and at which steps, it is guided away from itself without some layers."""


class StableDiffusion3(StockFamily):
    """Source: diffusers, `StableDiffusion3Pipeline`."""

    name = "sd3"
    draws = "StableDiffusion3Pipeline"
    unused: ClassVar[tuple[str, ...]] = ("image_encoder", "feature_extractor")
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder", "text_encoder_2", "text_encoder_3")
    spare: ClassVar[tuple[tuple[str, ...], ...]] = (("text_encoder_3", "tokenizer_3"),)
    tokenizer = "tokenizer_3"
    longest = 256
    only_guided: ClassVar[frozenset[str]] = frozenset({"guidance_scale", "skip_guidance_layers", *SKIPPING})

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:
        """How layers are skipped acts where some are."""
        unskipped = frozenset() if call.get("skip_guidance_layers") is not None else SKIPPING
        return super().ignored(pipe, call) | unskipped

    def reads(self, parts: Mapping[str, Any]) -> tuple[str, float]:
        """Many leave the T5 encoder out: then the CLIP encoders read all there is."""
        return super().reads(parts) if parts.get(self.tokenizer) else ("tokenizer", CLIP_TOKENS)

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer, scale = configs("transformer"), pixels_a_cell(configs("vae"))
        side = int(transformer["sample_size"]) * scale
        multiple = scale * int(transformer["patch_size"])
        return Geometry(int(transformer["in_channels"]), scale, (side, side), multiple=multiple)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        # The pipeline skips layers for the prompt alone, never for the negative one.
        options = {name: value for name, value in options.items() if not (text.negative and name == "clip_skip")}
        embeds, _, pooled, _ = pipe.encode_prompt(
            text.text, text.text, text.text, device=device, do_classifier_free_guidance=False, **options
        )
        return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}
