"""HunyuanImage 2.1: latents of 32 x 32 pixels a cell, a Qwen2.5-VL text, and a ByT5 text of what stands in quotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Compute, Guidance, Sampling

CELLS = 64
"""Source: diffusers, `HunyuanImagePipeline.__init__`: `default_sample_size`."""
NAMES = ("prompt_embeds", "prompt_embeds_mask", "prompt_embeds_2", "prompt_embeds_mask_2")


class HunyuanImage(StockFamily):
    """Source: diffusers, `HunyuanImagePipeline`.

    The distilled model is told the guidance scale. The other one is guided by a guider of its folder, which has the scale, and
    by another guider where a text has something in quotes: a call has one guider, so that such texts are called apart.
    """

    name = "hunyuan-image"
    draws = "HunyuanImagePipeline"
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder", "text_encoder_2")
    longest = 1000
    only_guided: ClassVar[frozenset[str]] = frozenset()

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        scale = int(configs("vae")["spatial_compression_ratio"])
        side = CELLS * scale
        return Geometry(int(configs("transformer")["in_channels"]), scale, (side, side), multiple=2 * scale)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:  # noqa: ARG002
        return dict(zip(NAMES, pipe.encode_prompt(text.text, device=device), strict=True))

    def together(self, text: Embedding) -> object:
        return bool(text["prompt_embeds_2"].any())

    def guided(self, guidance: Guidance, call: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"distilled_guidance_scale": guidance.scale}

    def uses_negative(self, guidance: Guidance, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return True

    def is_guided(self, pipe: Any, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return pipe.guider is not None or pipe.ocr_guider is not None

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:
        told = bool(pipe.transformer.config.guidance_embeds)
        return super().ignored(pipe, call) | (frozenset() if told else {"distilled_guidance_scale"})

    def refuse_model(self, configs: Configs, sampling: Sampling, compute: Compute) -> None:  # noqa: ARG002
        guidance, scale = sampling.guidance, _scale(configs)
        if scale is None and guidance.negative_prompt:
            raise ModelError(
                "sampling.guidance.negative_prompt: the model is told its guidance, and takes none. Remove it."
            )
        if scale not in (None, guidance.scale):
            raise ModelError(
                f"sampling.guidance.scale: the model's folder has a guider of the scale {scale:g}, not {guidance.scale:g}. Say "
                "that, or save the folder with another guider."
            )


def _scale(configs: Configs) -> float | None:
    """By which the guider of a folder guides, which its file need not say; None: there is none."""
    return configs("guider").get("guidance_scale")
