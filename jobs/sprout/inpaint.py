"""Train sprout-inpaint: a UNet that fills a hole in a picture with what the caption says, or with background.

    python -m seedscope.jobs.sprout.inpaint --minutes 75
    python -m seedscope.jobs.sprout.export --inpaint --out pipeline/sprout/sprout-inpaint

Every scene is rendered, masked and encoded when its turn comes, which costs little beside the step itself, and is used
for two noise levels in that step and never again. UNet and text encoder start from sprout's weights where the shapes agree.

Source: Rombach et al., arXiv 2112.10752, section 4.5 (mask and masked latents as further channels); velocity and empty
captions as in `diffusion`. Deviation: errors inside the mask weigh more.
"""

import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from seedscope.jobs.sprout import inpaint_masks, world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.diffusion import disturb, noise_levels
from seedscope.jobs.sprout.inpaint_networks import (
    CELL,
    LATENT_CHANNELS,
    LATENT_SIDE,
    new_inpaint_tokenizer,
    text_encoder_from_sprout,
    unet_from_sprout,
)
from seedscope.jobs.sprout.networks import AutoencoderKL, new_scheduler
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, step_generator, train

FIRST_SCENE = (1 << 38) + (1 << 37)  # away from the scenes of every other training
REMOVALS = 0.4  # share of the examples; the others are completions
COVERED = 0.8  # share of the masks that cover the whole object; the others lie anywhere
EMPTY_BEFORE = 0.2  # share of the removals where no object was there to begin with
MASK_WEIGHT = 3.0  # of errors inside the mask, against 1 outside
BATCH = 64
LEVELS_EACH = 2  # noise levels that an example is used for
RECIPE = Recipe(peak_rate=1e-3, warmup=300, hold=0.4, weight_decay=0.01, ema=0.999, muon_factor=4.0)


@dataclass(frozen=True)
class Example:
    """What to draw: `wanted` uint8 [64, 64, 3], `mask` bool [64, 64] (True: drawn anew), and the caption.

    Outside the mask the wanted picture is the given one.
    """

    wanted: world.Pixels
    mask: world.Mask
    caption: str


def example(seed: int) -> Example:
    """The removal or completion of a seed; the same seed gives the same bytes.

    A removal clears what lies in the mask, be it all of the object, a part of it or nothing. A completion draws the
    scene as it was.
    """
    scene, rng = world.render(seed, training=True), random.Random(f"inpaint {seed}")
    removal = rng.random() < REMOVALS
    covered = rng.random() < COVERED
    mask = inpaint_masks.covering(scene.mask, rng) if covered else inpaint_masks.anywhere(rng)
    if not removal:
        return Example(scene.pixels, mask, scene.caption)
    empty = world.render(seed, training=True, empty=True)
    before = empty if rng.random() < EMPTY_BEFORE else scene
    return Example(np.where(mask[..., None], empty.pixels, before.pixels), mask, world.NOTHING)


def in_latent_cells(masks: Tensor) -> Tensor:
    """float32 [n, 1, 64, 64] masks -> [n, 1, 16, 16], as the stock pipeline scales them: each cell's first pixel."""
    return masks[:, :, ::CELL, ::CELL]


@dataclass
class InpaintTask:
    """Velocity prediction of latents, given the mask and the latents of the masked picture."""

    seed: int
    vae: Path
    warm_start: Path
    batch: int = BATCH
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.tokenizer = new_inpaint_tokenizer()
        self.empty = self.tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]
        self.autoencoder = AutoencoderKL.from_pretrained(self.vae, dtype=torch.float32).eval()
        self.unet = unet_from_sprout(self.warm_start / "unet")
        self.unet.set_attn_processor(AttnProcessor())  # its backward pass is far faster here than the fused one's
        self.text_encoder = text_encoder_from_sprout(self.warm_start / "text_encoder")
        self.text_encoder.set_attn_implementation("eager")
        self.signal = new_scheduler().alphas_cumprod.sqrt()

    def models(self) -> dict[str, nn.Module]:
        return {"unet": self.unet, "text_encoder": self.text_encoder}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        del progress
        generator = step_generator(self.seed, step)
        noise = torch.randn(self.batch, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE, generator=generator)
        order = torch.randperm(self.batch, generator=generator)
        levels = noise_levels(self.batch, generator)[order]
        noise, levels = noise[rank::workers], levels[rank::workers]
        several = self.batch // LEVELS_EACH
        first = FIRST_SCENE + (self.seed << 34) + step * several
        examples = [example(first + i) for i in range(rank, several, workers)]
        captions = [e.caption for e in examples] * LEVELS_EACH
        tokens = self.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        tokens = disturb(tokens, self.empty, step_generator(self.seed + 1 + rank, step))
        clean, masks, masked = (part.repeat(LEVELS_EACH, 1, 1, 1) for part in self.encode(examples))
        a = self.signal[levels][:, None, None, None]
        s = (1 - a.square()).sqrt()
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text_encoder(tokens).last_hidden_state
            given = torch.cat([a * clean + s * noise, masks, masked], dim=1)
            velocity = self.unet(given, levels, context).sample.float()
        weight = 1 + (MASK_WEIGHT - 1) * masks
        loss: Tensor = (weight * (velocity - (a * noise - s * clean)).square()).mean()
        return loss

    @torch.no_grad()
    def encode(self, examples: list[Example]) -> tuple[Tensor, Tensor, Tensor]:
        """Latents wanted [n, 4, 16, 16], masks [n, 1, 16, 16], latents of the masked pictures [n, 4, 16, 16]."""
        pictures = to_tensor([e.wanted for e in examples])
        masks = torch.from_numpy(np.stack([e.mask for e in examples]))[:, None].float()
        with torch.autocast("cpu", torch.bfloat16):
            both = self.autoencoder.encode(torch.cat([pictures, pictures * (1 - masks)])).latent_dist.mean.float()
        clean, masked = both.chunk(2)
        return clean, in_latent_cells(masks), masked


def main() -> None:
    parser = command_line(__doc__, Path("training/inpaint"), workers=1)
    parser.add_argument("--vae", type=Path, default=Path("training/inpaint_autoencoder/vae"), help="its autoencoder")
    parser.add_argument("--warm-start", type=Path, default=Path("pipeline/sprout/sprout"), help="sprout's folder")
    options = parser.parse_args()
    build = partial(InpaintTask, options.seed, options.vae, options.warm_start)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)


if __name__ == "__main__":
    main()
