"""AuraFlow: a T5 text (UMT5, Pile-T5) whose padding is zero, classifier-free guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

DEFAULT_SIZE = (1024, 1024)
"""Source: diffusers, `AuraFlowPipeline.__call__`."""


class AuraFlow(StockFamily):
    """Source: diffusers, `AuraFlowPipeline`."""

    name = "aura-flow"
    draws = "AuraFlowPipeline"
    longest = 256

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        scale = pixels_a_cell(configs("vae"))
        return Geometry(int(configs("transformer")["in_channels"]), scale, DEFAULT_SIZE, multiple=2 * scale)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, mask, _, _ = pipe.encode_prompt(text.text, None, False, device=device, **options)
        # The pipeline repeats each number of the mask over the width of the embedding.
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask.view(embeds.shape)[..., 0]}
