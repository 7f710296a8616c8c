"""Train sprout's autoencoder: 64 x 64 pictures to 8 x 8 x 16 latents and back.

    python -m seedscope.jobs.sprout.autoencoder --minutes 25

Small crops on the latents' grid come first, where shapes are, then whole pictures; pixels near edges weigh more. The
decoder sees latents with a little noise, so that small errors of the diffusion model do not show.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.networks import AutoencoderKL, new_autoencoder
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, load_means, step_generator, train

LATENT_NOISE = 0.1
STANDARD_SCENES = 1 << 37  # the seeds whose latents set their scale
CROP = 32
CROP_BATCH, WHOLE_BATCH = 32, 8
CROPS_UNTIL = 0.4  # share of the budget
EDGE_WEIGHT = 6.0
RECIPE = Recipe(peak_rate=1e-3, hold=0.3)


def to_tensor(pixels: list[world.Pixels]) -> Tensor:
    """uint8 [h, w, 3] pictures -> float32 [n, 3, h, w] in -1..1."""
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1


def batch(seed: int, step: int, progress: float, rank: int, workers: int) -> Tensor:
    """float32 [n, 3, side, side] in -1..1: a worker's pictures of a step, crops at first and whole ones later."""
    first = (seed << 34) + step * CROP_BATCH
    if progress >= CROPS_UNTIL:
        return to_tensor([world.render(first + i, training=True).pixels for i in range(rank, WHOLE_BATCH, workers)])
    offsets = torch.rand(CROP_BATCH, 2, generator=step_generator(seed, step)).tolist()
    crops = []
    for i in range(rank, CROP_BATCH, workers):
        scene = world.render(first + i, training=True)
        x, y = (_near_object(centre, shift) for centre, shift in zip(scene.centroid, offsets[i], strict=True))
        crops.append(scene.pixels[y : y + CROP, x : x + CROP])
    return to_tensor(crops)


def _near_object(centre: float, shift: float) -> int:
    """First pixel of a crop, on the grid of latents, that overlaps the object; centre and shift in 0..1."""
    cell = round((centre * world.SIDE - CROP / 2 + (shift - 0.5) * CROP) / world.GRID)
    return world.GRID * min((world.SIDE - CROP) // world.GRID, max(0, cell))


def reconstruction_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of pixels, those near edges weighted, and of their differences; float32 [n, 3, h, w] each."""
    with torch.no_grad():
        local = functional.avg_pool2d(wanted, 3, 1, 1, count_include_pad=False)
        detail = functional.max_pool2d((wanted - local).abs().mean(1, keepdim=True), 5, 1, 2)
        weight = 1 + EDGE_WEIGHT * (detail > 0.04).float()
    loss = ((made - wanted).abs() * weight).mean()
    for dim in (2, 3):
        loss = loss + 0.5 * (made.diff(dim=dim) - wanted.diff(dim=dim)).abs().mean()
    return loss


@torch.no_grad()
def standardise(vae: Any, posterior: float | None = None, pictures: int = 2048) -> None:
    """Give every latent channel mean 0 and variance 1 over scenes, by the two 1 x 1 convolutions; pictures stay.

    posterior: the standard deviation of what the encoder draws, whatever the picture; None: the noise that the decoder
    was trained with.
    """
    seeds = range(STANDARD_SCENES, STANDARD_SCENES + pictures)
    parts = [
        to_tensor([world.render(s, training=True).pixels for s in seeds[i : i + 64]]) for i in range(0, pictures, 64)
    ]
    latents = torch.cat([vae.encode(part).latent_dist.mean for part in parts])
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    before, after, channels = vae.quant_conv, vae.post_quant_conv, len(mean)
    before.weight[:channels] /= deviation[:, None, None, None]
    before.bias[:channels] = (before.bias[:channels] - mean) / deviation
    before.weight[channels:] = 0
    before.bias[channels:] = 2 * torch.log(LATENT_NOISE / deviation if posterior is None else torch.tensor(posterior))
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= deviation[None, :, None, None]


@dataclass
class AutoencoderTask:
    """Reconstruction of the world's scenes, with noise on the latents."""

    seed: int
    warm_start: Path | None
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.vae = new_autoencoder()
        if self.warm_start is not None:
            started = AutoencoderKL.from_pretrained(self.warm_start, dtype=torch.float32)
            self.vae.load_state_dict(started.state_dict())

    def models(self) -> dict[str, nn.Module]:
        return {"vae": self.vae}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        pictures = batch(self.seed, step, progress, rank, workers)
        with torch.autocast("cpu", torch.bfloat16):
            mean = self.vae.encode(pictures).latent_dist.mean.float()
            noise = torch.randn(mean.shape, generator=step_generator(self.seed + 1 + rank, step))
            made = self.vae.decode(mean + LATENT_NOISE * noise).sample.float()
        size: Tensor = mean.square().mean()
        return reconstruction_loss(made, pictures) + 1e-3 * size


def main() -> None:
    parser = command_line(__doc__, Path("training/autoencoder"))
    parser.add_argument("--warm-start", type=Path, help="a diffusers VAE folder to start from")
    options = parser.parse_args()
    build = partial(AutoencoderTask, options.seed, options.warm_start)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)
    vae = new_autoencoder()
    load_means(options.folder / "checkpoint.pt", {"vae": vae})
    standardise(vae)
    vae.save_pretrained(options.folder / "vae")


if __name__ == "__main__":
    main()
