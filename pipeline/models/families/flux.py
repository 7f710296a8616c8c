"""FLUX.1, dev and schnell: packed latents, a T5 text with a pooled CLIP text, and a network that is told the guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text, above
from seedscope.pipeline.models.packing import packed
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Guidance

if TYPE_CHECKING:
    import torch

DEFAULT_CELLS = 128
"""Source: diffusers, `FluxPipeline.__init__`: `default_sample_size`."""


class FluxLatents(StockFamily):
    """Latents of FLUX.1: those of an AutoencoderKL, with 2 x 2 cells a token."""

    form = "packed"

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        scale = pixels_a_cell(configs("vae"))
        side = DEFAULT_CELLS * scale
        return Geometry(int(configs("transformer")["in_channels"]) // 4, scale, (side, side), multiple=2 * scale)

    def shaped(self, noise: torch.Tensor) -> torch.Tensor:
        return packed(noise)


class Flux(FluxLatents):
    """Source: diffusers, `FluxPipeline`.

    `guidance.scale` is told to the network of dev, and not read by schnell's. A negative prompt acts where the call says
    `true_cfg_scale` above 1.
    """

    name = "flux"
    draws = "FluxPipeline"
    unused: ClassVar[tuple[str, ...]] = ("image_encoder", "feature_extractor")
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder", "text_encoder_2")
    tokenizer = "tokenizer_2"
    longest = 512
    guides_without_negative = False
    only_guided: ClassVar[frozenset[str]] = frozenset({"true_cfg_scale"})
    negative_hint: ClassVar[str] = "Remove it, or say `call: {true_cfg_scale: 4}` under sampling."

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, pooled, _ = pipe.encode_prompt(text.text, text.text, device=device, **options)
        return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}

    def uses_negative(self, guidance: Guidance, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return float(call.get("true_cfg_scale", 1)) > 1

    def is_guided(self, pipe: Any, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return truly_guided(call)

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:
        told = bool(pipe.transformer.config.guidance_embeds)
        return super().ignored(pipe, call) | (frozenset() if told else {"guidance_scale"})


def truly_guided(call: Mapping[str, Any]) -> bool:
    """Whether a call that has `true_cfg_scale` is guided: by a negative prompt alone that it is given."""
    given = any(call.get(name) is not None for name in ("negative_prompt", "negative_prompt_embeds"))
    return given and above(call, "true_cfg_scale", 1)
