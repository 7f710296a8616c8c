"""HiDream-I1: two pooled CLIP texts, a T5 text, and the hidden states of every layer of a Llama."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

if TYPE_CHECKING:
    import torch

CELLS = 128
"""Source: diffusers, `HiDreamImagePipeline.__init__`: `default_sample_size`, of a square of latents."""
LAYERS = "prompt_embeds_llama3"


class HiDream(StockFamily):
    """Source: diffusers, `HiDreamImagePipeline`. It draws pictures of one area alone, of whatever sides."""

    name = "hidream"
    draws = "HiDreamImagePipeline"
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4")
    tokenizer = "tokenizer_4"
    longest = 128

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        scale = pixels_a_cell(configs("vae"))
        side, multiple = CELLS * scale, 2 * scale
        channels = int(configs("transformer")["in_channels"])
        return Geometry(channels, scale, (side, side), multiple, drawn=partial(of_one_area, side, multiple))

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        t5, _, layers, _, pooled, _ = pipe.encode_prompt(
            text.text, device=device, do_classifier_free_guidance=False, **options
        )
        return {"prompt_embeds_t5": t5, LAYERS: layers.transpose(0, 1), "pooled_prompt_embeds": pooled}

    def collate(self, embeddings: Sequence[Embedding]) -> dict[str, Any]:
        texts = super().collate(embeddings)
        return {**texts, LAYERS: texts[LAYERS].transpose(0, 1)}

    def latents_dtype(self, pipe: Any, embeddings: Sequence[Embedding]) -> torch.dtype:  # noqa: ARG002
        return embeddings[0]["pooled_prompt_embeds"].dtype


def of_one_area(side: int, multiple: int, height: int, width: int) -> tuple[int, int]:
    """(height, width) that the pipeline draws where these are asked for: scaled to side x side pixels, and cut to multiples.

    Source: diffusers, `HiDreamImagePipeline.__call__`.
    """
    scale = sqrt(side**2 / (width * height))
    return int(height * scale // multiple * multiple), int(width * scale // multiple * multiple)
