"""Given pictures to draw on, of which only the masked part is drawn anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.images import Mask, Pixels
from seedscope.pipeline.models.base import Denoiser, Scheduler


@dataclass(frozen=True)
class Encoded:
    """A given picture as the autoencoder sees it: which latents the mask covers, (1, 1, h, w) in {0, 1}, and mean and
    deviation, (1, C, h, w), of what it makes of the picture. All float32, on the model's device.

    Encoded once, drawn from once a cell: each cell's values come from its own generator.
    Deviation: with a half-precision autoencoder the draw stays in float32.
    """

    mask: torch.Tensor
    mean: torch.Tensor
    deviation: torch.Tensor

    @classmethod
    def of(cls, model: Denoiser, pixels: Pixels, mask: Mask) -> Self:
        """Encode a picture (H, W, 3) uint8 with its mask (H, W) bool: for a model that takes masks, with the mask grey."""
        # Channels last in memory, as the stock pipeline has it: convolutions round otherwise in the other order.
        picture = torch.tensor(pixels[None]).permute(0, 3, 1, 2).float() / 255 * 2 - 1
        hole = torch.from_numpy(mask)[None, None].float()
        mean, deviation = model.encode(picture * (hole < 0.5) if model.takes_masks else picture)
        cells = torch.nn.functional.interpolate(hole, size=mean.shape[-2:])
        return cls(cells.to(mean.device), mean, deviation)

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """(1, C, h, w) unscaled latents of the picture."""
        noise = torch.randn(self.mean.shape, generator=generator, dtype=torch.float32, device="cpu")
        return self.mean + self.deviation * noise.to(self.mean.device)


class Canvas(Hooks):
    """B given pictures, whose latents are drawn from the generators of their cells."""

    def __init__(self, model: Denoiser, given: Sequence[Encoded], generators: Sequence[torch.Generator]) -> None:
        self.mask = torch.cat([item.mask for item in given])
        drawn = torch.cat([item.draw(generator) for item, generator in zip(given, generators, strict=True)])
        # Contiguous, as in the stock pipeline: sums round otherwise with the channels last in memory.
        self.latents = (drawn * model.scaling).contiguous()

    def begin(self, scheduler: Scheduler) -> None:
        # Such a scheduler then counts its steps, where else it looks timesteps up; the noise of `add_noise` depends on it.
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)


class MaskedCanvas(Canvas):
    """For a UNet that takes the mask and the rest of the picture beside the latents (9 channels for 4 of latents).

    Source: diffusers, `StableDiffusionInpaintPipeline.__call__` and `prepare_mask_latents`. Pixel-equal to it in float32:
    a generator draws the initial latent, then the picture's, then the steps' noise.
    """

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        branches = len(latents) // len(self.mask)
        return torch.cat([latents, *(torch.cat([part] * branches) for part in (self.mask, self.latents))], dim=1)


class BlendedCanvas(Canvas):
    """For a text-to-image UNet: after each step, what lies outside the mask is the given picture, noised as the step is.

    Source: diffusers, `StableDiffusionInpaintPipeline.__call__` with a UNet of 4 channels.
    Deviation: the initial latent is the first that a generator draws, here as everywhere. The stock pipeline encodes the
    picture first; it gives these pixels when it is handed the initial latents, and generators in the state after them.
    Latents may have any number of channels.
    """

    def __init__(
        self,
        model: Denoiser,
        given: Sequence[Encoded],
        generators: Sequence[torch.Generator],
        noise: torch.Tensor,
    ) -> None:
        super().__init__(model, given, generators)
        self.noise = noise.to(self.latents.device)
        # The stock pipeline draws a second time, for the masked picture, of which it then makes no use.
        for item, generator in zip(given, generators, strict=True):
            item.draw(generator)

    def after_step(self, latents: torch.Tensor, scheduler: Scheduler, step: int) -> torch.Tensor:
        kept = self.latents
        if step + 1 < len(scheduler.timesteps):
            kept = scheduler.add_noise(kept, self.noise, scheduler.timesteps[step + 1][None])
        return (1 - self.mask) * kept + self.mask * latents


def canvas(
    model: Denoiser, given: Sequence[Encoded], generators: Sequence[torch.Generator], noise: torch.Tensor
) -> Canvas:
    """The canvas of B given pictures; it draws from their generators, which are in the state after the initial latent.

    Args:
        noise: (B, C, h, w) float32, the initial latents, unscaled.
    """
    if model.takes_masks:
        return MaskedCanvas(model, given, generators)
    return BlendedCanvas(model, given, generators, noise)
