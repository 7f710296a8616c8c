"""Sana: latents of 32 x 32 pixels a cell, a Gemma text behind an instruction, classifier-free guidance."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

DEFAULT_SIZE = (1024, 1024)
"""Source: diffusers, `SanaPipeline.__call__`: whatever the size that the network was trained for."""
INSTRUCTION = "complex_human_instruction"


class Sana(StockFamily):
    """Source: diffusers, `SanaPipeline`.

    The instruction stands before a prompt, never before a negative one. Sizes are kept: the stock default draws the nearest of
    a list of sizes, and scales that picture.
    """

    name = "sana"
    draws = "SanaPipeline"
    longest = 299
    """300, of which one is the token that begins a text."""
    pads = "right"
    latents_in_float32 = True
    frozen: ClassVar[Mapping[str, Any]] = {"use_resolution_binning": False}

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        scale = 1 << (len(configs("vae")["encoder_block_out_channels"]) - 1)
        multiple = max(scale, 32) * int(configs("transformer")["patch_size"])
        return Geometry(int(configs("transformer")["in_channels"]), scale, DEFAULT_SIZE, multiple=multiple)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        usual = inspect.signature(type(pipe).__call__).parameters[INSTRUCTION].default
        instruction = None if text.negative else options.get(INSTRUCTION, usual)
        embeds, mask = self._encoded(pipe, text.text, device, {**options, INSTRUCTION: instruction})
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask}

    def _encoded(self, pipe: Any, text: str, device: str, options: Mapping[str, Any]) -> tuple[Any, Any]:
        embeds, mask, _, _ = pipe.encode_prompt(text, False, device=device, **options)
        return embeds, mask
