"""PixArt-alpha and PixArt-Sigma: a masked T5 text, classifier-free guidance."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.models.autoencoders import pixels_a_cell
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

CLEANED = "clean_caption"


class PixArtAlpha(StockFamily):
    """Source: diffusers, `PixArtAlphaPipeline`.

    Sizes are kept: the stock default draws the nearest of a list of sizes, and scales that picture. Texts are cleaned as the
    stock call cleans them, where the libraries for it are there.
    """

    name = "pixart-alpha"
    draws = "PixArtAlphaPipeline"
    longest = 120
    frozen: ClassVar[Mapping[str, Any]] = {"use_resolution_binning": False}

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer, scale = configs("transformer"), pixels_a_cell(configs("vae"))
        side = int(transformer["sample_size"]) * scale
        multiple = scale * int(transformer["patch_size"])
        return Geometry(int(transformer["in_channels"]), scale, (side, side), multiple=multiple)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        usual = {CLEANED: inspect.signature(type(pipe).__call__).parameters[CLEANED].default}
        embeds, mask, _, _ = pipe.encode_prompt(
            text.text, False, device=device, **{"max_sequence_length": self.longest, **usual, **options}
        )
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask}


class PixArtSigma(PixArtAlpha):
    """Source: diffusers, `PixArtSigmaPipeline`."""

    name = "pixart-sigma"
    draws = "PixArtSigmaPipeline"
    longest = 300
