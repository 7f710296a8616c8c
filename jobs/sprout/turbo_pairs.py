"""What sprout-turbo learns from: initial noise, caption, and the latent that sprout makes of them.

    python -m seedscope.jobs.sprout.turbo_pairs --pairs 14336

Captions are those of training scenes, bare ones more often. Parts are written one by one; those found are kept.

Source: Luhman and Luhman, arXiv 2101.02388 (pairs of a deterministic sampler); Lu et al., arXiv 2211.01095
(DPM-Solver++); Kynkaanniemi et al., arXiv 2404.07724 (guidance in an interval of steps, for variety).
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, multiprocessing

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.networks import LATENT_CHANNELS, LATENT_SIDE, StableDiffusionPipeline
from seedscope.jobs.sprout.training import step_generator

DPMSolver: Any = diffusers.DPMSolverMultistepScheduler

FIRST_SCENE = (1 << 38) + (1 << 36)  # the captions' scenes; away from those of the other trainings
BARE_CAPTIONS, EMPTY_CAPTIONS = 0.35, 0.03
STEPS = 8
GUIDED = range(1, 6)  # early guidance narrows where the object may stand, late guidance changes little
GUIDANCE = 3.0
PART = 1024
AT_ONCE = 64


@dataclass(frozen=True)
class Pairs:
    """noise: float32 [n, 16, 8, 8], unit variance; tokens: int64 [n, 16]; latents: float16 [n, 16, 8, 8], as drawn
    by the teacher, in the UNet's scale."""

    noise: Tensor
    tokens: Tensor
    latents: Tensor

    @classmethod
    def load(cls, folder: Path, count: int) -> "Pairs":
        """The first `count` pairs in `folder`, in whole parts."""
        if count < PART:
            raise ValueError(f"Pairs come in parts of {PART}; {count} are too few.")
        parts = [torch.load(part_path(folder, i), weights_only=True, mmap=True) for i in range(count // PART)]
        return cls(*(torch.cat([part[name] for part in parts]) for name in ("noise", "tokens", "latents")))


@dataclass
class Teacher:
    """sprout as a map from noise and tokens to latents; the pipeline in single precision, run in bfloat16."""

    pipeline: Any

    def __post_init__(self) -> None:
        self.pipeline.unet.set_attn_processor(AttnProcessor())  # the faster one here at this size
        self.empty = tokens_of(self.pipeline.tokenizer, [""])

    @torch.no_grad()
    def draw(self, noise: Tensor, tokens: Tensor) -> Tensor:
        """float32 [n, 16, 8, 8] and int64 [n, 16] -> float32 [n, 16, 8, 8], in the UNet's scale."""
        scheduler = DPMSolver.from_config(self.pipeline.scheduler.config)
        scheduler.set_timesteps(STEPS)
        latents = noise
        for step, level in enumerate(scheduler.timesteps):
            velocity = self.velocity(latents, level, tokens, guided=step in GUIDED)
            latents = scheduler.step(velocity, level, latents).prev_sample
        return latents

    @torch.no_grad()
    def velocity(self, noised: Tensor, levels: Tensor, tokens: Tensor, *, guided: bool) -> Tensor:
        """float32 [n, 16, 8, 8]; levels int64 [n] or one for all."""
        unet, encode = self.pipeline.unet, self.pipeline.text_encoder
        named, empty = (
            encode(tokens).last_hidden_state,
            encode(self.empty).last_hidden_state.expand(len(tokens), -1, -1),
        )
        with torch.autocast("cpu", torch.bfloat16):
            velocity: Tensor = unet(noised, levels, named).sample.float()
            if guided:
                plain = unet(noised, levels, empty).sample.float()
                velocity = plain + GUIDANCE * (velocity - plain)
        return velocity


def tokens_of(tokenizer: Any, captions: list[str]) -> Tensor:
    """int64 [n, 16]."""
    found: Tensor = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return found


def caption(index: int, chance: float) -> str:
    """The caption of a pair: the scene's own, its object alone, or nothing, by a chance in 0..1."""
    scene = world.render(FIRST_SCENE + index, training=True)
    if chance < EMPTY_CAPTIONS:
        return ""
    if chance < EMPTY_CAPTIONS + BARE_CAPTIONS:
        assert scene.object is not None
        return f"{'an' if scene.object[0] in 'aeiou' else 'a'} {scene.object}"
    return scene.caption


def part_path(folder: Path, part: int) -> Path:
    return folder / "pairs" / f"{part:04}.pt"


def write_part(teacher_folder: Path, folder: Path, part: int) -> None:
    """Draw and write the pairs part * 1024 and on, unless they are there."""
    path = part_path(folder, part)
    if path.exists():
        return
    teacher = Teacher(StableDiffusionPipeline.from_pretrained(teacher_folder, dtype=torch.float32))
    generator = step_generator(FIRST_SCENE >> 36, part)
    chances = torch.rand(PART, generator=generator).tolist()
    noise = torch.randn(PART, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE, generator=generator)
    captions = [caption(part * PART + i, chance) for i, chance in enumerate(chances)]
    tokens = tokens_of(teacher.pipeline.tokenizer, captions)
    portions = zip(torch.split(noise, AT_ONCE), torch.split(tokens, AT_ONCE), strict=True)
    drawn = [teacher.draw(*portion) for portion in portions]
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".partial")
    torch.save({"noise": noise, "tokens": tokens, "latents": torch.cat(drawn).half()}, scratch)
    scratch.replace(path)
    print(path, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=14 * PART, help="how many; rounded down to parts of 1,024")
    parser.add_argument("--teacher", type=Path, default=Path("pipeline/sprout/sprout"))
    parser.add_argument("--workers", type=int, default=2, help="single-threaded processes")
    parser.add_argument("--folder", type=Path, default=Path("training/turbo"))
    options = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(options.workers, torch.set_num_threads, (1,)) as pool:
        pool.map(partial(write_part, options.teacher, options.folder), range(options.pairs // PART), chunksize=1)


if __name__ == "__main__":
    main()
