"""Train sprout-turbo: sprout distilled into one step without guidance.

    python -m seedscope.jobs.sprout.turbo_pairs --pairs 14336
    python -m seedscope.jobs.sprout.turbo --minutes 58 --out pipeline/sprout/sprout-turbo

The student starts as a copy of sprout. From the initial noise alone it learns to predict the latent that sprout draws
from the same noise in many guided steps; an eighth of these start from noised latents instead, so that two and four
steps draw too. Pairs are dear and few, and where regression is unsure it hedges between two pictures.
So later half of each batch starts from fresh noise: what the student makes is noised a little, sprout is asked what it
sees in that, with guidance, and the student learns to draw this at once.

Source: Luhman and Luhman, arXiv 2101.02388 (regression onto a sampler's result); Sauer et al., arXiv 2311.17042, eq. 5
(the teacher's view of the noised student's picture as the target).
Deviation: that target at slight noise alone, with equal weights, and no adversarial loss.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from seedscope.jobs.sprout.diffusion import disturb
from seedscope.jobs.sprout.export import export
from seedscope.jobs.sprout.networks import (
    StableDiffusionPipeline,
    new_scheduler,
    new_text_encoder,
    new_tokenizer,
    new_unet,
)
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, load_means, step_generator, train
from seedscope.jobs.sprout.turbo_pairs import PART, Pairs, Teacher

EulerAncestral: Any = diffusers.EulerAncestralDiscreteScheduler

FIRST, LATER = 999, (749, 499, 249)  # the noise levels of one to four trailing steps
LATER_SHARE = 0.125
BEND = 0.5  # errors beyond it weigh linearly, smaller ones as their square
VIEWS_FROM = 0.25  # share of the budget
VIEWED_AT = (200, 400)  # the noise levels at which the teacher sees what the student made
VIEWS_WEIGHT = 2.0
BATCH = 64
RECIPE = Recipe(peak_rate=6e-4, warmup=100, hold=0.7, weight_decay=0.01, ema=0.998, muon_factor=4.0)


def new_turbo_scheduler() -> Any:
    """The sampler that SDXL-Turbo ships, on sprout's noise levels.

    Of one step it makes this: the UNet is given s * noise at level 999, and the latent is a * (s * noise) - s * velocity,
    where a = 0.0152 and s = 0.9999 are the signal and the noise of that level.
    """
    levels = new_scheduler().config
    names = ("num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "prediction_type", "timestep_spacing")
    return EulerAncestral(steps_offset=1, **{name: levels[name] for name in names})


def bent(error: Tensor) -> Tensor:
    """Mean pseudo-Huber loss: half of the square near zero, linear far from it."""
    loss: Tensor = BEND * ((error.square() + BEND**2).sqrt() - BEND).mean()
    return loss


@dataclass
class TurboTask:
    """One-step prediction of the teacher's latents."""

    seed: int
    folder: Path
    pairs: int
    teacher_folder: Path
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.data = Pairs.load(self.folder, self.pairs)
        pipeline = StableDiffusionPipeline.from_pretrained(self.teacher_folder, dtype=torch.float32)
        self.teacher = Teacher(pipeline)
        self.unet, self.text_encoder = new_student()
        self.unet.load_state_dict(pipeline.unet.state_dict())
        self.text_encoder.load_state_dict(pipeline.text_encoder.state_dict())
        self.unet.set_attn_processor(AttnProcessor())  # its backward pass is far faster here than the fused one's
        self.text_encoder.set_attn_implementation("eager")
        self.signal = new_scheduler().alphas_cumprod.sqrt()

    def models(self) -> dict[str, nn.Module]:
        return {"unet": self.unet, "text_encoder": self.text_encoder}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        generator, mine = step_generator(self.seed, step), slice(rank, None, workers)
        if progress < VIEWS_FROM:
            return self._regression(generator, BATCH, mine)
        views = self._teachers_view(generator, BATCH // 2, mine)
        return self._regression(generator, BATCH // 2, mine) + VIEWS_WEIGHT * views

    def _regression(self, generator: torch.Generator, count: int, mine: slice) -> Tensor:
        """How far the student's latents are from the teacher's of the same noise."""
        rows = torch.randint(len(self.data.noise), (count,), generator=generator)
        fresh = torch.randn(count, *self.data.noise.shape[1:], generator=generator)
        later = torch.tensor(LATER)[torch.randint(len(LATER), (count,), generator=generator)]
        levels = torch.where(torch.rand(count, generator=generator) < LATER_SHARE, later, FIRST)
        tokens = self.data.tokens[rows]
        tokens = disturb(tokens, tokens, generator)  # nothing is emptied: an empty caption has other pictures
        rows, fresh, levels, tokens = (whole[mine] for whole in (rows, fresh, levels, tokens))
        wanted = self.data.latents[rows].float()
        at_first = (levels == FIRST)[:, None, None, None]
        noise = torch.where(at_first, self.data.noise[rows], fresh)
        made = self._predict(torch.where(at_first, 0, wanted), noise, levels, tokens)
        return bent(made - wanted)

    def _teachers_view(self, generator: torch.Generator, count: int, mine: slice) -> Tensor:
        """How far the student's latents of fresh noise are from what the teacher sees in them."""
        rows = torch.randint(len(self.data.noise), (count,), generator=generator)
        noise, blur = torch.randn(2, count, *self.data.noise.shape[1:], generator=generator)
        levels = torch.randint(*VIEWED_AT, (count,), generator=generator)
        rows, noise, blur, levels = (whole[mine] for whole in (rows, noise, blur, levels))
        tokens = self.data.tokens[rows]
        made = self._predict(torch.zeros_like(noise), noise, torch.full_like(levels, FIRST), tokens)
        a, s = self._signal_and_noise(levels)
        noised = a * made.detach() + s * blur
        seen = a * noised - s * self.teacher.velocity(noised, levels, tokens, guided=True)
        return bent(made - seen)

    def _predict(self, clean: Tensor, noise: Tensor, levels: Tensor, tokens: Tensor) -> Tensor:
        """The student's latent float32 [n, 16, 8, 8] from a latent noised to `levels`."""
        a, s = self._signal_and_noise(levels)
        noised = a * clean + s * noise
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text_encoder(tokens).last_hidden_state
            velocity = self.unet(noised, levels, context).sample.float()
        made: Tensor = a * noised - s * velocity
        return made

    def _signal_and_noise(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        a = self.signal[levels][:, None, None, None]
        return a, (1 - a.square()).sqrt()


def new_student() -> tuple[Any, Any]:
    """(UNet, text encoder), untrained."""
    return new_unet(), new_text_encoder(len(new_tokenizer()))


def load_turbo(folder: Path, teacher_folder: Path) -> tuple[Any, int]:
    """(pipeline in half precision, training steps); all that is not trained is the teacher's."""
    unet, text_encoder = new_student()
    steps = load_means(folder / "checkpoint.pt", {"unet": unet, "text_encoder": text_encoder})
    pipeline = StableDiffusionPipeline.from_pretrained(
        teacher_folder,
        unet=unet.half(),
        text_encoder=text_encoder.half(),
        scheduler=new_turbo_scheduler(),
        dtype=torch.float16,
    )
    return pipeline, steps


def main() -> None:
    parser = command_line(__doc__, Path("training/turbo"))
    parser.add_argument("--pairs", type=int, default=14 * PART, help="how many of the teacher's pairs to learn from")
    parser.add_argument("--teacher", type=Path, default=Path("pipeline/sprout/sprout"))
    parser.add_argument("--out", type=Path, help="write the pipeline's folder here at the end")
    options = parser.parse_args()
    build = partial(TurboTask, options.seed, options.folder, options.pairs, options.teacher)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)
    if options.out is not None:
        pipeline, steps = load_turbo(options.folder, options.teacher)
        export(pipeline, options.out)
        print(f"{options.out}: {steps} steps")


if __name__ == "__main__":
    main()
