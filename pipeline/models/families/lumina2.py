"""Lumina-Image 2.0: a Gemma 2 text behind a system prompt, and classifier-free guidance that keeps the norm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

SCALE = 8
"""Source: diffusers, `Lumina2Pipeline.__init__`: `vae_scale_factor`."""
SYSTEM_PROMPT = (
    "You are an assistant designed to generate superior images with the superior degree of image-text alignment based on "
    "textual prompts or user prompts."
)


class Lumina2(StockFamily):
    """Source: diffusers, `Lumina2Pipeline`: the system prompt stands before the prompt, not before the negative one."""

    name = "lumina2"
    draws = "Lumina2Pipeline"
    longest = 256
    only_guided: ClassVar[frozenset[str]] = frozenset({"guidance_scale", "cfg_normalization", "cfg_trunc_ratio"})

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer = configs("transformer")
        side = int(transformer["sample_size"]) * SCALE
        return Geometry(int(transformer["in_channels"]), SCALE, (side, side), multiple=2 * SCALE)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        encoded = pipe.encode_prompt(
            "" if text.negative else text.text,
            do_classifier_free_guidance=text.negative,
            negative_prompt=text.text,
            device=device,
            **options,
        )
        embeds, mask = encoded[2:] if text.negative else encoded[:2]
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask}

    def framed(self, tokenizer: Any, text: str, options: Mapping[str, Any]) -> str:  # noqa: ARG002
        return f"{options.get('system_prompt', SYSTEM_PROMPT)} <Prompt Start> {text}"
