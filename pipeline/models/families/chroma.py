"""Chroma: FLUX.1 schnell without its modulation, with a masked T5 text and classifier-free guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.models.base import Embedding, Text
from seedscope.pipeline.models.families.flux import FluxLatents


class Chroma(FluxLatents):
    """Source: diffusers, `ChromaPipeline`."""

    name = "chroma"
    draws = "ChromaPipeline"
    unused: ClassVar[tuple[str, ...]] = ("image_encoder", "feature_extractor")
    longest = 512

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, _, mask, *_ = pipe.encode_prompt(text.text, device=device, do_classifier_free_guidance=False, **options)
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask}
