"""Z-Image and Z-Image-Turbo: latents in float32, a Qwen 3 text without padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text, above
from seedscope.pipeline.models.chat import user_says
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Guidance

SIDE = 1024
"""Source: diffusers, `ZImagePipeline.__call__`, pixels."""


class ZImage(StockFamily):
    """Source: diffusers, `ZImagePipeline`.

    Its scale s goes from the prediction p by s (p - n), away from that of the negative prompt n, and so guides above 0: it is
    1 less than the scale of other families. Studies give it as the stock call does.
    """

    name = "z-image"
    draws = "ZImagePipeline"
    longest = 512
    latents_in_float32 = True
    only_guided: ClassVar[frozenset[str]] = frozenset({"guidance_scale", "cfg_normalization", "cfg_truncation"})
    negative_hint: ClassVar[str] = "Remove it, or set a scale above 0."

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        scale = pixels_a_cell(configs("vae"))
        return Geometry(int(configs("transformer")["in_channels"]), scale, (SIDE, SIDE), multiple=2 * scale)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, _ = pipe.encode_prompt(text.text, device=device, do_classifier_free_guidance=False, **options)
        return {"prompt_embeds": embeds[0][None]}

    def collate(self, embeddings: Sequence[Embedding]) -> dict[str, Any]:
        return {"prompt_embeds": [each["prompt_embeds"][0] for each in embeddings]}

    def framed(self, tokenizer: Any, text: str, options: Mapping[str, Any]) -> str:  # noqa: ARG002
        return user_says(tokenizer, text, thinks=True)

    def uses_negative(self, guidance: Guidance, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return guidance.scale > 0

    def is_guided(self, pipe: Any, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return above(call, "guidance_scale", 0)
