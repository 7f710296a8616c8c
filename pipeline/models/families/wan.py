"""Wan 2.1 and 2.2 as text-to-image: films of one picture, a masked UMT5 text, classifier-free guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.models.base import Configs, Embedding, Geometry, Text
from seedscope.pipeline.models.stock import StockFamily

if TYPE_CHECKING:
    import torch

DEFAULT_SIZE = (480, 832)
MULTIPLE = 16
"""Source: diffusers, `WanPipeline.__call__` and `check_inputs`, pixels."""


class Wan(StockFamily):
    """Source: diffusers, `WanPipeline`.

    Of Wan 2.2's two networks the second makes the later steps, at the same guidance scale where the call says no
    `guidance_scale_2`.
    """

    name = "wan"
    draws = "WanPipeline"
    further: ClassVar[tuple[str, ...]] = ("transformer_2",)
    longest = 512
    form = "one frame behind the channels"
    latents_in_float32 = True
    frozen: ClassVar[Mapping[str, Any]] = {"num_frames": 1}

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        transformer, scale = configs("transformer"), int(configs("vae")["scale_factor_spatial"])
        multiple = max(MULTIPLE, scale * int(transformer["patch_size"][1]))
        return Geometry(int(transformer["in_channels"]), scale, DEFAULT_SIZE, multiple=multiple)

    def encode(self, pipe: Any, text: Text, device: str, options: Mapping[str, Any]) -> Embedding:
        embeds, _ = pipe.encode_prompt(
            text.text,
            do_classifier_free_guidance=False,
            device=device,
            **{"max_sequence_length": self.longest, **options},
        )
        return {"prompt_embeds": embeds}

    def shaped(self, noise: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) -> (B, C, 1, h, w)."""
        return noise.unsqueeze(2)

    def pictures(self, output: Any) -> torch.Tensor:
        frames: torch.Tensor = output.frames
        return frames[:, 0]
