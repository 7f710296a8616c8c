"""Train sprout's decoder further, on the latents that its diffusion model makes.

    python -m seedscope.jobs.sprout.decoder --minutes 35

A diffusion model's latents are a little off those of real pictures, and a decoder that has seen only these draws the
difference as soft outlines. Here it learns what was meant: a scene's latent is noised lightly, denoised by the
diffusion model in one step, decoded, and compared with the scene. The encoder and the diffusion model stay as they are.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import reconstruction_loss, to_tensor
from seedscope.jobs.sprout.networks import StableDiffusionPipeline, new_scheduler
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, load_means, step_generator, train

FIRST_SCENE = 1 << 35
BATCH = 8
NOISIEST = 400  # of 1,000 training timesteps
RECIPE = Recipe(peak_rate=5e-4, hold=0.25)


@dataclass
class DecoderTask:
    """Reconstruction of scenes from latents that were noised and denoised."""

    seed: int
    pipeline: Path
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.parts = StableDiffusionPipeline.from_pretrained(self.pipeline, dtype=torch.float32)
        self.parts.unet.set_attn_processor(AttnProcessor())
        self.vae = self.parts.vae
        for frozen in (self.vae.encoder, self.vae.quant_conv, self.parts.unet, self.parts.text_encoder):
            frozen.requires_grad_(False)
        self.signal = new_scheduler().alphas_cumprod.sqrt()

    def models(self) -> dict[str, nn.Module]:
        return {"vae": self.vae}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        del progress
        first = FIRST_SCENE + (self.seed << 34) + step * BATCH
        scenes = [world.render(first + i, training=True) for i in range(rank, BATCH, workers)]
        pictures = to_tensor([scene.pixels for scene in scenes])
        with torch.autocast("cpu", torch.bfloat16):
            latents = self.denoised(pictures, [s.caption for s in scenes], step_generator(self.seed + 1 + rank, step))
            made = self.vae.decode(latents / self.vae.config.scaling_factor).sample.float()
        return reconstruction_loss(made, pictures)

    @torch.no_grad()
    def denoised(self, pictures: Tensor, captions: list[str], generator: torch.Generator) -> Tensor:
        """Scaled latents float32 [n, 16, 8, 8] as the diffusion model sees them after a little noise."""
        clean = self.vae.encode(pictures).latent_dist.mean.float() * self.vae.config.scaling_factor
        levels = torch.randint(NOISIEST, (len(clean),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator)
        a = self.signal[levels][:, None, None, None]
        s = (1 - a.square()).sqrt()
        tokens = self.parts.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        noisy = a * clean + s * noise
        velocity = self.parts.unet(noisy, levels, self.parts.text_encoder(tokens).last_hidden_state).sample.float()
        latents: Tensor = a * noisy - s * velocity
        return latents


def main() -> None:
    parser = command_line(__doc__, Path("training/decoder"))
    parser.add_argument("--pipeline", type=Path, default=Path("pipeline/sprout/sprout"), help="the trained pipeline")
    options = parser.parse_args()
    build = partial(DecoderTask, options.seed, options.pipeline)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)
    vae = build().vae
    load_means(options.folder / "checkpoint.pt", {"vae": vae})
    vae.save_pretrained(options.folder / "vae")


if __name__ == "__main__":
    main()
