"""What tells sprout-turbo's latents from its teacher's: a critic that reads the teacher's own features.

Source: Sauer et al., arXiv 2403.12015, section 3 (features of the frozen diffusion model, at random noise levels).
"""

from typing import Any

import torch
from torch import Tensor, nn

from seedscope.jobs.sprout.networks import WIDTH


def features(unet: Any, noised: Tensor, levels: Tensor, context: Tensor) -> list[Tensor]:
    """What the UNet's first half sees: float [n, 128, 8, 8], [n, 128, 4, 4] and [n, 128, 4, 4]."""
    time = unet.time_embedding(unet.time_proj(levels).to(noised.dtype))
    hidden = unet.conv_in(noised)
    seen = []
    for block in unet.down_blocks:
        hidden, skipped = block(hidden, time, encoder_hidden_states=context)
        seen.append(skipped[0])
    return [*seen, unet.mid_block(hidden, time, encoder_hidden_states=context)]


class Critic(nn.Module):
    """Features of a latent -> how real each of its places looks, float [n, 96]; higher is more real."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(16, WIDTH), nn.Conv2d(WIDTH, 64, 1), nn.SiLU(), nn.Conv2d(64, 1, 1))
            for _ in range(3)
        )

    def forward(self, seen: list[Tensor]) -> Tensor:
        return torch.cat([head(part).flatten(1) for head, part in zip(self.heads, seen, strict=True)], dim=1)
