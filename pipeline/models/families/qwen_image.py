"""Qwen-Image: packed latents, a Qwen 2.5 VL text of any length, and classifier-free guidance that keeps the norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.families.flux import truly_guided
from seedscope.pipeline.models.packing import packed, padded
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Guidance

if TYPE_CHECKING:
    import torch

DEFAULT_CELLS = 128
"""Source: diffusers, `QwenImagePipeline.__init__`: `default_sample_size`."""


class QwenImage(StockFamily):
    """Source: diffusers, `QwenImagePipeline`.

    `guidance.scale` is the call's `true_cfg_scale`; above 1 the call is given a negative prompt, be it an empty one, without
    which it would not be guided.
    """

    name = "qwen-image"
    draws = "QwenImagePipeline"
    longest: ClassVar[float] = 512
    form: ClassVar[str] = "packed"
    guides_without_negative = False
    only_guided: ClassVar[frozenset[str]] = frozenset({"true_cfg_scale"})

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer, scale = configs("transformer"), 1 << len(configs("vae")["temperal_downsample"])
        if transformer.get("guidance_embeds"):
            raise ModelError(
                f"{name}: its transformer is told the guidance, of which no published one is. Choose another."
            )
        side = DEFAULT_CELLS * scale
        return Geometry(int(transformer["in_channels"]) // 4, scale, (side, side), multiple=2 * scale)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        return {"prompt_embeds": pipe.encode_prompt(text.text, device=device, **options)[0]}

    def collate(self, embeddings: Sequence[Embedding]) -> dict[str, Any]:
        embeds, mask = padded([each["prompt_embeds"] for each in embeddings])
        return {"prompt_embeds": embeds, "prompt_embeds_mask": mask}

    def shaped(self, noise: torch.Tensor) -> torch.Tensor:
        return packed(noise)

    def guided(self, guidance: Guidance, call: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"true_cfg_scale": guidance.scale}

    def is_guided(self, pipe: Any, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return truly_guided(call)

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:
        """`guidance_scale` is for a network that is told it, of which none is."""
        return super().ignored(pipe, call) | {"guidance_scale"}
