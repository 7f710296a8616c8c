"""Train sprout-inpaint's autoencoder: 64 x 64 pictures, with and without a grey hole, to 16 x 16 x 4 latents and back.

    python -m seedscope.jobs.sprout.inpaint_autoencoder --minutes 20

Crops, losses and the noise on the latents are those of sprout's autoencoder, whose outer layers it starts from. The
encoder also sees the hole that stock inpainting cuts into a masked picture.
"""

import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from seedscope.jobs.sprout.autoencoder import LATENT_NOISE, batch, reconstruction_loss, standardise
from seedscope.jobs.sprout.inpaint_masks import anywhere
from seedscope.jobs.sprout.inpaint_networks import autoencoder_from_sprout, new_inpaint_autoencoder
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, load_means, step_generator, train

SEED = 20  # its scenes begin at SEED << 34, away from those of every other training
HOLED = 4  # one picture in so many has a hole
POSTERIOR_DEVIATION = 0.01  # of what the encoder draws: practically nothing, so that unmasked parts stay
RECIPE = Recipe(peak_rate=1e-3, hold=0.3)


def with_holes(pictures: Tensor, rng: random.Random) -> Tensor:
    """Cut a grey hole into every fourth picture; float32 [n, 3, side, side], side at most 64."""
    result, side = pictures.clone(), pictures.shape[-1]
    for picture in result[::HOLED]:
        picture[:, torch.from_numpy(anywhere(rng)[:side, :side])] = 0
    return result


@dataclass
class InpaintAutoencoderTask:
    """Reconstruction of scenes and of scenes with a hole, with noise on the latents."""

    seed: int
    warm_start: Path
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.vae = autoencoder_from_sprout(self.warm_start)

    def models(self) -> dict[str, nn.Module]:
        return {"vae": self.vae}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        generator = step_generator(self.seed + 1 + rank, step)
        pictures = with_holes(batch(self.seed, step, progress, rank, workers), random.Random(generator.initial_seed()))
        with torch.autocast("cpu", torch.bfloat16):
            mean = self.vae.encode(pictures).latent_dist.mean.float()
            noise = torch.randn(mean.shape, generator=generator)
            made = self.vae.decode(mean + LATENT_NOISE * noise).sample.float()
        size: Tensor = mean.square().mean()
        return reconstruction_loss(made, pictures) + 1e-3 * size


def main() -> None:
    parser = command_line(__doc__, Path("training/inpaint_autoencoder"), workers=1, seed=SEED)
    parser.add_argument("--warm-start", type=Path, default=Path("pipeline/sprout/sprout/vae"), help="sprout's VAE")
    options = parser.parse_args()
    build = partial(InpaintAutoencoderTask, options.seed, options.warm_start)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)
    vae = new_inpaint_autoencoder()
    load_means(options.folder / "checkpoint.pt", {"vae": vae})
    standardise(vae, POSTERIOR_DEVIATION)
    vae.save_pretrained(options.folder / "vae")


if __name__ == "__main__":
    main()
