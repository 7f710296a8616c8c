"""Forms in which pipelines take latents and texts."""

from __future__ import annotations

from collections.abc import Sequence
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


def padded(embeddings: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of different lengths (1, L, D) -> (B, longest, D) with zeros behind, and a mask (B, longest) int64, 1 at tokens.

    Source: diffusers, `QwenImagePipeline._get_qwen_prompt_embeds`.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    mask = pad_sequence([torch.ones(each.shape[1], dtype=torch.long, device=each.device) for each in embeddings], True)
    return pad_sequence([each[0] for each in embeddings], True), mask
