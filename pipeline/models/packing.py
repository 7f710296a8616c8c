"""Forms in which pipelines take latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def packed(latents: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) -> (B, h/2 * w/2, 4C): each 2 x 2 cells are a token.

    Source: diffusers, `FluxPipeline._pack_latents`.
    """
    batch, channels, h, w = latents.shape
    cells = latents.view(batch, channels, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(batch, (h // 2) * (w // 2), channels * 4)
