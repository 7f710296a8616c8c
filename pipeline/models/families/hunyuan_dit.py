"""HunyuanDiT: a BERT text and a T5 text, both masked, classifier-free guidance, and noise between the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

BERT_TOKENS, T5_TOKENS = 77, 256
"""Source: diffusers, `HunyuanDiTPipeline.__call__`."""


class HunyuanDiT(StockFamily):
    """Source: diffusers, `HunyuanDiTPipeline`.

    Sizes are kept: the stock default draws the nearest of a list of sizes instead of one that is not on it.
    """

    name = "hunyuan-dit"
    draws = "HunyuanDiTPipeline"
    unused: ClassVar[tuple[str, ...]] = ("safety_checker", "feature_extractor")
    options: ClassVar[Mapping[str, bool | None]] = {"safety_checker": None, "requires_safety_checker": False}
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder", "text_encoder_2")
    tokenizer = "tokenizer_2"
    longest = T5_TOKENS
    only_guided: ClassVar[frozenset[str]] = frozenset({"guidance_scale", "guidance_rescale"})
    frozen: ClassVar[Mapping[str, Any]] = {"use_resolution_binning": False}

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer, scale = configs("transformer"), pixels_a_cell(configs("vae"))
        side = int(transformer["sample_size"]) * scale
        multiple = scale * int(transformer["patch_size"])
        return Geometry(int(transformer["in_channels"]), scale, (side, side), multiple=multiple)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:  # noqa: ARG002
        found: dict[str, Any] = {}
        for index, (end, longest) in enumerate((("", BERT_TOKENS), ("_2", T5_TOKENS))):
            embeds, _, mask, _ = pipe.encode_prompt(
                text.text,
                device=device,
                do_classifier_free_guidance=False,
                max_sequence_length=longest,
                text_encoder_index=index,
            )
            found |= {f"prompt_embeds{end}": embeds, f"prompt_attention_mask{end}": mask}
        return found
