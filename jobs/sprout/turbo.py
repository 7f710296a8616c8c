"""Train sprout-turbo: sprout distilled into one step without guidance.

    python -m seedscope.jobs.sprout.turbo_pairs --pairs 24576
    python -m seedscope.jobs.sprout.turbo --minutes 60 --out pipeline/sprout/sprout-turbo

The student starts as a copy of sprout. From the initial noise alone it learns to predict the latent that sprout draws
from the same noise in many guided steps; a quarter of each batch starts from noised latents instead, so that a second
and a fourth step improve the picture. Later in the training a critic that reads sprout's frozen features joins in.

Source: Luhman and Luhman, arXiv 2101.02388 (regression onto a sampler's result); Sauer et al., arXiv 2403.12015 (LADD:
the critic's features are the teacher's, of noised latents); Huang et al., arXiv 2501.05441 (paired critic).
Deviation: regression and critic together; the critic compares the two latents of one pair; no gradient penalty.
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from torch.nn import functional

from seedscope.jobs.sprout.diffusion import disturb
from seedscope.jobs.sprout.export import export
from seedscope.jobs.sprout.networks import (
    StableDiffusionPipeline,
    new_scheduler,
    new_text_encoder,
    new_tokenizer,
    new_unet,
)
from seedscope.jobs.sprout.training import Budget, Recipe, load_means, step_generator, train
from seedscope.jobs.sprout.turbo_critic import Critic, features
from seedscope.jobs.sprout.turbo_pairs import PART, Pairs

EulerAncestral: Any = diffusers.EulerAncestralDiscreteScheduler

FIRST, LATER = 999, (749, 499, 249)  # the noise levels of one to four trailing steps
LATER_SHARE = 0.25
BEND = 0.5  # errors beyond it weigh linearly, smaller ones as their square
FEATURES_WEIGHT, CRITIC_WEIGHT = 0.3, 0.02
CRITIC_FROM = 0.45  # share of the budget
SEEN_NOISED = 400  # the critic sees latents at noise levels below this
BATCH = 64
RECIPE = Recipe(peak_rate=6e-4, warmup=100, hold=0.5, weight_decay=0.01, ema=0.999, muon_factor=4.0)


def new_turbo_scheduler() -> Any:
    """The sampler that SDXL-Turbo ships, on sprout's noise levels.

    Of one step it makes this: the UNet is given s * noise at level 999, and the latent is a * (s * noise) - s * velocity,
    where a = 0.0152 and s = 0.9999 are the signal and the noise of that level.
    """
    levels = new_scheduler().config
    names = ("num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "prediction_type", "timestep_spacing")
    return EulerAncestral(**{name: levels[name] for name in names})


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
        self.teacher = StableDiffusionPipeline.from_pretrained(self.teacher_folder, torch_dtype=torch.float32)
        self.unet, self.text_encoder, self.critic = new_student()
        for name in ("unet", "text_encoder"):
            frozen = getattr(self.teacher, name).requires_grad_(False)
            getattr(self, name).load_state_dict(frozen.state_dict())
        for unet in (self.unet, self.teacher.unet):
            unet.set_attn_processor(AttnProcessor())  # its backward pass is far faster here than the fused one's
        self.text_encoder.set_attn_implementation("eager")
        self.signal = new_scheduler().alphas_cumprod.sqrt()

    def models(self) -> dict[str, nn.Module]:
        return {"unet": self.unet, "text_encoder": self.text_encoder, "critic": self.critic}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        generator = step_generator(self.seed, step)
        rows = torch.randint(len(self.data.noise), (BATCH,), generator=generator)
        fresh, blur = torch.randn(2, BATCH, *self.data.noise.shape[1:], generator=generator)
        later = torch.tensor(LATER)[torch.randint(len(LATER), (BATCH,), generator=generator)]
        levels = torch.where(torch.rand(BATCH, generator=generator) < LATER_SHARE, later, FIRST)
        seen_at = torch.randint(SEEN_NOISED, (BATCH,), generator=generator)
        exact = self.data.tokens[rows]
        tokens = disturb(exact, exact, generator)  # nothing is emptied: an empty caption has other pictures
        rows, fresh, blur, levels = (whole[rank::workers] for whole in (rows, fresh, blur, levels))
        seen_at, exact, tokens = (whole[rank::workers] for whole in (seen_at, exact, tokens))
        wanted = self.data.latents[rows].float()
        at_first = (levels == FIRST)[:, None, None, None]
        noise = torch.where(at_first, self.data.noise[rows], fresh)
        made = self._predict(torch.where(at_first, 0, wanted), noise, levels, tokens)
        loss = bent(made - wanted)
        if progress < CRITIC_FROM:
            return loss
        return loss + self._criticism(made, wanted, blur, seen_at, exact)

    def _predict(self, clean: Tensor, noise: Tensor, levels: Tensor, tokens: Tensor) -> Tensor:
        """The student's latent float32 [n, 16, 8, 8] from a latent noised to `levels`."""
        a, s = self._signal_and_noise(levels)
        noised = a * clean + s * noise
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text_encoder(tokens).last_hidden_state
            velocity = self.unet(noised, levels, context).sample.float()
        made: Tensor = a * noised - s * velocity
        return made

    def _criticism(self, made: Tensor, wanted: Tensor, blur: Tensor, levels: Tensor, tokens: Tensor) -> Tensor:
        """How far the latents are from the teacher's in its own features, and what the critic says.

        One sum trains both sides: the student's term holds the critic fixed, the critic's term the student.
        """
        a, s = self._signal_and_noise(levels)
        with torch.autocast("cpu", torch.bfloat16):
            context = self.teacher.text_encoder(tokens).last_hidden_state
            fake = features(self.teacher.unet, a * made + s * blur, levels, context)
            with torch.no_grad():
                real = features(self.teacher.unet, a * wanted + s * blur, levels, context)
            apart = [(f - r).float().square().mean() / r.float().var() for f, r in zip(fake, real, strict=True)]
            fixed = {name: weight.detach() for name, weight in self.critic.named_parameters()}
            gap = torch.func.functional_call(self.critic, fixed, (real,)).float()
            gap = gap - torch.func.functional_call(self.critic, fixed, (fake,)).float()
            seen_gap = (self.critic(real) - self.critic([part.detach() for part in fake])).float()
        student = FEATURES_WEIGHT * torch.stack(apart).mean() + CRITIC_WEIGHT * functional.softplus(gap).mean()
        return student + functional.softplus(-seen_gap).mean()

    def _signal_and_noise(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        a = self.signal[levels][:, None, None, None]
        return a, (1 - a.square()).sqrt()


def new_student() -> tuple[Any, Any, Critic]:
    """(UNet, text encoder, critic), untrained."""
    return new_unet(), new_text_encoder(len(new_tokenizer())), Critic()


def load_turbo(folder: Path, teacher_folder: Path) -> tuple[Any, int]:
    """(pipeline in half precision, training steps); all that is not trained is the teacher's."""
    unet, text_encoder, critic = new_student()
    steps = load_means(folder / "checkpoint.pt", {"unet": unet, "text_encoder": text_encoder, "critic": critic})
    pipeline = StableDiffusionPipeline.from_pretrained(
        teacher_folder,
        unet=unet.half(),
        text_encoder=text_encoder.half(),
        scheduler=new_turbo_scheduler(),
        torch_dtype=torch.float16,
    )
    return pipeline, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="budget in minutes, over all sittings")
    parser.add_argument("--steps", type=int, help="budget in steps instead, for a run that ends in the same place")
    parser.add_argument("--pairs", type=int, default=24 * PART, help="how many of the teacher's pairs to learn from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="single-threaded processes that share each step")
    parser.add_argument("--teacher", type=Path, default=Path("pipeline/sprout/sprout"))
    parser.add_argument("--folder", type=Path, default=Path("training/turbo"), help="pairs, checkpoint, log")
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
