"""Kandinsky 5 text-to-image: latents with their channels last, a Qwen2.5-VL text with a pooled CLIP text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

if TYPE_CHECKING:
    import torch

SIZES = ((1024, 1024), (1408, 640), (640, 1408), (1280, 768), (768, 1280), (1152, 896), (896, 1152))
"""(height, width) of the pictures that it draws. Source: diffusers, `Kandinsky5T2IPipeline.__init__`: `resolutions`."""
SCALE = 8
LENGTHS = "prompt_cu_seqlens"


class Kandinsky5(StockFamily):
    """Source: diffusers, `Kandinsky5T2IPipeline`. Its network takes no mask: texts of one length are called together."""

    name = "kandinsky5"
    draws = "Kandinsky5T2IPipeline"
    encoders: ClassVar[tuple[str, ...]] = ("text_encoder", "text_encoder_2")
    longest = 512
    form = "one frame in front"
    mixes_lengths = False

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        channels = int(configs("transformer")["in_visual_dim"])
        return Geometry(channels, SCALE, SIZES[0], channels_last=True, drawn=nearest)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, pooled, lengths = pipe.encode_prompt(text.text, device=device, **options)
        return {"prompt_embeds_qwen": embeds, "prompt_embeds_clip": pooled, LENGTHS: lengths}

    def collate(self, embeddings: Sequence[Embedding]) -> dict[str, Any]:
        """The lengths of single texts, (0, L), become those of a batch: (0, L, 2L ...)."""
        import torch

        ends = torch.cumsum(torch.cat([each[LENGTHS][1:] for each in embeddings]), 0)
        return {**super().collate(embeddings), LENGTHS: torch.cat([embeddings[0][LENGTHS][:1], ends])}

    def shaped(self, noise: torch.Tensor) -> torch.Tensor:
        """(B, h, w, C) -> (B, 1, h, w, C): a film of one picture."""
        return noise.unsqueeze(1)

    def latents_dtype(self, pipe: Any, embeddings: Sequence[Embedding]) -> torch.dtype:  # noqa: ARG002
        dtype: torch.dtype = pipe.transformer.dtype
        return dtype

    def pictures(self, output: Any) -> torch.Tensor:
        pictures: torch.Tensor = output.image
        return pictures


def nearest(height: int, width: int) -> tuple[int, int]:
    """(height, width) that the pipeline draws where these are asked for: of those that it draws, the nearest aspect.

    Source: diffusers, `Kandinsky5T2IPipeline.__call__`.
    """
    return (
        (height, width)
        if (height, width) in SIZES
        else min(SIZES, key=lambda size: abs(size[1] / size[0] - width / height))
    )
