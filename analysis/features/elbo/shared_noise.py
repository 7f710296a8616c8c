"""The noise that is added to the latents of all pictures: what it adds to one's error it adds to another's, and drops out."""

from __future__ import annotations

import torch

FIRST_SEED = 2_654_435_769
"""torch's CPU generator goes by the lower 32 bits of a seed: at those of a study's seeds, the noise added to a picture would be
that which it was drawn from."""


def shared_noise(points: int, noises: int, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Noise (points, noises, *shape) float32 on the CPU, `noises` of it a level.

    Every second level has the negative of the level before: the product of noise and picture in the error then nearly drops
    out of the sum over levels. Each is scaled to a mean square of 1, which is what noise has on average.

    Source: antithetic variates, Owen (2013), "Monte Carlo theory, methods and examples", section 8.2; sharing noise, Li et al.
    (2023), "Your Diffusion Model is Secretly a Zero-Shot Classifier", arXiv 2303.16203, section 4.
    """
    generator = torch.Generator("cpu").manual_seed(FIRST_SEED + seed)
    drawn = torch.randn(((points + 1) // 2, noises, *shape), generator=generator, dtype=torch.float32)
    dimensions = tuple(range(2, drawn.ndim))
    drawn /= drawn.square().mean(dim=dimensions, keepdim=True).sqrt()
    return torch.stack([drawn, -drawn], dim=1).flatten(0, 1)[:points]
