"""A CLIP as torchmetrics asks for one: a model and a processor of transformers, whose versions return other things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.networks.clip_models import DualEncoder

if TYPE_CHECKING:
    import torch


class AsTransformers:
    """An encoder on a device, as both of them. Pictures are taken in 0..255."""

    def __init__(self, encoder: DualEncoder, device: str) -> None:
        self._encoder, self._device = encoder, device
        self.config = getattr(encoder.network, "config", None)

    def to(self, *_: object) -> AsTransformers:
        return self

    def __call__(self, text: Sequence[str] = (), images: Sequence[torch.Tensor] = (), **_: object) -> dict[str, Any]:
        import torch

        if text:
            tokens, _cut = self._encoder.tokens(text)
            return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        pictures = torch.stack(list(images)).round().to(torch.uint8)
        return {"pixel_values": self._encoder.prepare(pictures)}

    def get_text_features(self, tokens: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return self._encoder.text_features(tokens.to(self._device))

    def get_image_features(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._encoder.image_features(inputs.to(self._device))
