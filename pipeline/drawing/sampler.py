"""The denoising loop, on diffusers' own schedulers."""

from collections.abc import Mapping, Sequence

import torch

from seedscope.pipeline.drawing.guidance import Branch, combine, rescaled, step_of, weights
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.models.base import Conditions, Denoiser, Embedding
from seedscope.pipeline.models.schedulers import set_steps, step_options
from seedscope.pipeline.study.schema import Sampling


def sample(
    model: Denoiser,
    noise: torch.Tensor,
    generators: list[torch.Generator],
    texts: Mapping[Branch, Sequence[Embedding]],
    sampling: Sampling,
    size: tuple[int, int],
    hooks: Hooks | None = None,
) -> torch.Tensor:
    """Denoise a batch; gradients are tracked where the hooks ask for them, and nowhere else.

    In float32 this computes, operation for operation, what the stock pipeline of diffusers computes for the same batch.

    Args:
        model: as loaded.
        noise: (B, C, h, w) float32, the initial latents, unscaled.
        generators: B CPU generators in the state after the initial latent; stochastic schedulers draw from them.
        texts: for each branch, B embeddings.
        sampling: scheduler steps and guidance.
        size: (height, width) of the pictures, pixels.
        hooks: what a task does around the steps; None: nothing.

    Returns:
        (B, C, h, w) float32 latents on the model's device, to be decoded.

    Deviation: with a half-precision model the scheduler's arithmetic, and the noise that it draws, stay in float32.
    """
    hooks, scheduler = hooks or Hooks(), model.scheduler
    set_steps(scheduler, sampling, model.device, count=model.counts_steps)
    hooks.begin(scheduler)
    options = step_options(scheduler, generators, sampling.eta)
    latents = noise.to(model.device) * scheduler.init_noise_sigma
    known: dict[tuple[Branch, ...], Conditions] = {}
    for step, timestep in enumerate(scheduler.timesteps):
        counted = step_of(step, scheduler.order, sampling.steps)
        branch_weights = weights(sampling.guidance, counted, told=model.told_guidance)
        run = tuple(branch_weights)
        if run not in known:
            embeddings = [embedding for branch in run for embedding in texts[branch]]
            known[run] = {
                **model.conditions(embeddings, size),
                **model.guided_by(sampling.guidance.scale, len(embeddings)),
            }
        tracked = hooks.gradients_at(step)
        with torch.set_grad_enabled(tracked):
            latents = latents.requires_grad_(tracked)
            model_input = hooks.model_input(scheduler.scale_model_input(torch.cat([latents] * len(run)), timestep))
            parts = model.predict(model_input, timestep, known[run]).chunk(len(run))
            predictions = dict(zip(run, parts, strict=True))
            hooks.predicted(predictions, step)
            guided = combine(predictions, branch_weights)
            if sampling.guidance_rescale and len(run) > 1:
                guided = rescaled(guided, predictions["positive"], sampling.guidance_rescale)
            guided = hooks.guide(guided, latents, step).detach()
        if (ended := hooks.ends(guided, latents.detach(), step)) is not None:
            return ended
        latents = scheduler.step(guided, timestep, latents.detach(), **options, return_dict=False)[0]
        latents = hooks.after_step(latents, scheduler, step).detach()
    return latents


def to_pixels(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) about -1 .. 1 -> (B, H, W, 3) uint8 on the CPU, rounded as diffusers rounds."""
    unit_range = (pictures * 0.5 + 0.5).clamp(0, 1)
    return (unit_range.cpu().permute(0, 2, 3, 1).float() * 255).round().to(torch.uint8)
