"""Train sprout's diffusion model: a UNet on 8 x 8 x 16 latents and the text encoder that guides it.

    python -m seedscope.jobs.sprout.diffusion --minutes 90

Scenes are rendered and encoded once, kept in the training folder, and drawn from by (seed, step) alone. The target is
the velocity, on noise levels that lean a little to the cleaner half, where shapes are made.

Source: Salimans and Ho, arXiv 2202.00512 (v-prediction); Ho and Salimans, arXiv 2207.12598 (empty captions).
Deviation: a plain mean over elements at every noise level; levels are stratified within a batch.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, multiprocessing, nn

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.networks import (
    PAD,
    UNK,
    AutoencoderKL,
    new_scheduler,
    new_text_encoder,
    new_tokenizer,
    new_unet,
)
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, step_generator, train

FIRST_SCENE = 1 << 38  # away from the autoencoder's scenes
EMPTY_CAPTIONS = 0.12
STRANGE_WORDS = 0.06  # share of captions that get an unknown word, which should change nothing
SCENES_FILE = "scenes.pt"
ENCODED_AT_ONCE = 2048
LEAN = 1.25  # noise level = uniform ** LEAN
BATCH = 64
RECIPE = Recipe(peak_rate=1e-3, warmup=400, hold=0.35, weight_decay=0.01, ema=0.9995, muon_factor=4.0)


@dataclass(frozen=True)
class Scenes:
    """Encoded scenes.

    latents: float16 [n, 16, 8, 8], unscaled; tokens: int64 [n, 16]; scale: what gives latents unit variance.
    """

    latents: Tensor
    tokens: Tensor
    scale: float

    @classmethod
    def load(cls, folder: Path) -> "Scenes":
        """Read the encoded scenes from `folder`."""
        state = torch.load(folder / SCENES_FILE, weights_only=True, mmap=True)
        return cls(state["latents"], state["tokens"], float(state["scale"]))


def encode_scenes(vae_folder: Path, count: int, folder: Path, workers: int) -> None:
    """Render and encode `count` scenes into `folder`, unless that is done."""
    path = folder / SCENES_FILE
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(FIRST_SCENE, FIRST_SCENE + count, ENCODED_AT_ONCE)
    with multiprocessing.get_context("spawn").Pool(workers, torch.set_num_threads, (1,)) as pool:
        parts = pool.map(partial(_encode, vae_folder), starts, chunksize=1)
    latents = torch.cat([torch.from_numpy(part) for part, _ in parts])[:count]
    captions = [caption for _, part in parts for caption in part][:count]
    tokens = new_tokenizer()(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    scale = 1 / float(latents[:20_000].float().std())
    scratch = path.with_suffix(".partial")
    torch.save({"latents": latents, "tokens": tokens, "scale": scale}, scratch)
    scratch.replace(path)


@torch.inference_mode()
def _encode(vae_folder: Path, start: int) -> tuple[npt.NDArray[np.float16], list[str]]:
    vae = AutoencoderKL.from_pretrained(vae_folder).eval()
    latents, captions = [], []
    for first in range(start, start + ENCODED_AT_ONCE, 64):
        scenes = [world.render(seed, training=True) for seed in range(first, first + 64)]
        captions += [scene.caption for scene in scenes]
        with torch.autocast("cpu", torch.bfloat16):
            latents.append(vae.encode(to_tensor([scene.pixels for scene in scenes])).latent_dist.mean.half().numpy())
    return np.concatenate(latents), captions


def noise_levels(count: int, generator: torch.Generator) -> Tensor:
    """int64 [count] training timesteps in 0..999, one from each of `count` strata, in order."""
    uniform = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    return (1000 * uniform.pow(LEAN)).long().clamp(max=999)


def disturb(tokens: Tensor, empty: Tensor, generator: torch.Generator) -> Tensor:
    """Empty some captions and put an unknown word into others; int64 [n, 16] -> int64 [n, 16]."""
    chance = torch.rand(len(tokens), generator=generator)
    places = torch.rand(len(tokens), generator=generator).tolist()
    result = torch.where((chance < EMPTY_CAPTIONS)[:, None], empty, tokens)
    for row in torch.nonzero(chance > 1 - STRANGE_WORDS).flatten().tolist():
        words = int((tokens[row] != PAD).sum()) - 2
        at = 1 + int(places[row] * (words + 1))
        result[row] = torch.cat([tokens[row, :at], torch.tensor([UNK]), tokens[row, at:-1]])
    return result


@dataclass
class DiffusionTask:
    """Velocity prediction on encoded scenes."""

    seed: int
    folder: Path
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        tokenizer = new_tokenizer()
        self.data = Scenes.load(self.folder)
        self.empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]
        self.unet, self.text_encoder = new_unet(), new_text_encoder(len(tokenizer))
        self.unet.set_attn_processor(AttnProcessor())  # its backward pass is far faster here than the fused one's
        self.text_encoder.set_attn_implementation("eager")
        self.signal = new_scheduler().alphas_cumprod.sqrt()

    def models(self) -> dict[str, nn.Module]:
        return {"unet": self.unet, "text_encoder": self.text_encoder}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        generator = step_generator(self.seed, step)
        del progress
        rows = torch.randint(len(self.data.latents), (BATCH,), generator=generator)
        noise = torch.randn(BATCH, *self.data.latents.shape[1:], generator=generator)
        levels = noise_levels(BATCH, generator)
        tokens = disturb(self.data.tokens[rows], self.empty, generator)
        rows, noise, levels, tokens = (whole[rank::workers] for whole in (rows, noise, levels, tokens))
        clean = self.data.latents[rows].float() * self.data.scale
        a = self.signal[levels][:, None, None, None]
        s = (1 - a.square()).sqrt()
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text_encoder(tokens).last_hidden_state
            velocity = self.unet(a * clean + s * noise, levels, context).sample.float()
        loss: Tensor = (velocity - (a * noise - s * clean)).square().mean()
        return loss


def main() -> None:
    parser = command_line(__doc__, Path("training/diffusion"))
    parser.add_argument("--scenes", type=int, default=96 * 1024, help="how many scenes to render and encode")
    parser.add_argument("--vae", type=Path, default=Path("training/autoencoder/vae"), help="the trained autoencoder")
    options = parser.parse_args()
    encode_scenes(options.vae, options.scenes, options.folder, options.workers)
    build = partial(DiffusionTask, options.seed, options.folder)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)


if __name__ == "__main__":
    main()
