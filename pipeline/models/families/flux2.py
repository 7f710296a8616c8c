"""FLUX.2 dev: latents that the autoencoder has packed, a Mistral text, and a network that is told the guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.chat import up_to
from seedscope.pipeline.models.families.flux import DEFAULT_CELLS
from seedscope.pipeline.models.stock import StockFamily


class Flux2(StockFamily):
    """Source: diffusers, `Flux2Pipeline`.

    No longer prompt is written by the text encoder first (`caption_upsample_temperature`): its words would not be the seed's.
    """

    name = "flux2"
    draws = "Flux2Pipeline"
    longest = 512
    takes_negative = False

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        cell = pixels_a_cell(configs("vae"))
        side = DEFAULT_CELLS * cell
        return Geometry(int(configs("transformer")["in_channels"]), 2 * cell, (side, side))

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        return {"prompt_embeds": pipe.encode_prompt(text.text, device=device, **options)[0]}

    def framed(self, tokenizer: Any, text: str, options: Mapping[str, Any]) -> str:  # noqa: ARG002
        from diffusers.pipelines.flux2.pipeline_flux2 import format_input
        from diffusers.pipelines.flux2.system_messages import SYSTEM_MESSAGE

        chat: list[Any] = format_input([text], SYSTEM_MESSAGE)
        return up_to(tokenizer.apply_chat_template(chat, tokenize=False)[0], text)

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset() if pipe.transformer.config.guidance_embeds else frozenset({"guidance_scale"})
