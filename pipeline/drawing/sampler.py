"""The denoising loop, on diffusers' own schedulers and UNets."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from seedscope.pipeline.drawing.guidance import Branch, combine, weights
from seedscope.pipeline.drawing.tasks.canvas import Canvas
from seedscope.pipeline.models.load import Embedding, LoadedModel
from seedscope.pipeline.study.schema import Sampling


@torch.inference_mode()
def sample(
    model: LoadedModel,
    noise: torch.Tensor,
    generators: list[torch.Generator],
    texts: Mapping[Branch, list[Embedding]],
    sampling: Sampling,
    size: tuple[int, int],
    canvas: Canvas | None = None,
) -> torch.Tensor:
    """Denoise a batch.

    In float32 this computes, operation for operation, what the stock pipeline of diffusers computes for the same batch.

    Args:
        model: as loaded.
        noise: (B, C, h, w) float32, the initial latents, unscaled.
        generators: B CPU generators in the state after the initial latent; stochastic schedulers draw from them.
        texts: for each branch, B embeddings.
        sampling: scheduler steps and guidance.
        size: (height, width) of the pictures, pixels.
        canvas: what the batch is drawn on; None: nothing.

    Returns:
        (B, C, h, w) float32 latents on the model's device, to be decoded.

    Deviation: with a half-precision model the scheduler's arithmetic, and the noise that it draws, stay in float32.
    """
    scheduler, unet = model.pipe.scheduler, model.pipe.unet
    scheduler.set_timesteps(sampling.steps, device=model.device)
    canvas = canvas or Canvas()
    canvas.begin(scheduler)
    step_options = _step_options(scheduler, generators)
    latents: torch.Tensor = noise.to(model.device) * scheduler.init_noise_sigma
    conditions: dict[tuple[Branch, ...], tuple[torch.Tensor, dict[str, torch.Tensor] | None]] = {}
    for step, timestep in enumerate(scheduler.timesteps):
        # A solver of higher order has more timesteps than steps: guidance counts steps.
        branch_weights = weights(sampling.guidance, step // scheduler.order)
        run = tuple(branch_weights)
        if run not in conditions:
            conditions[run] = _conditions(model, texts, run, size)
        states, added = conditions[run]
        model_input = scheduler.scale_model_input(torch.cat([latents] * len(run)), timestep)
        prediction = unet(
            canvas.model_input(model_input).to(unet.dtype),
            timestep,
            encoder_hidden_states=states,
            added_cond_kwargs=added,
            return_dict=False,
        )[0].float()
        predictions = dict(zip(run, prediction.chunk(len(run)), strict=True))
        guided = combine(predictions, branch_weights)
        latents = scheduler.step(guided, timestep, latents, **step_options, return_dict=False)[0]
        latents = canvas.after_step(latents, scheduler, step)
    return latents


def _conditions(
    model: LoadedModel, texts: Mapping[Branch, list[Embedding]], run: tuple[Branch, ...], size: tuple[int, int]
) -> tuple[torch.Tensor, dict[str, torch.Tensor] | None]:
    """What the UNet is told for the branches of a step, one after another along the batch."""
    embeddings = [embedding for branch in run for embedding in texts[branch]]
    pooled = [embedding.pooled for embedding in embeddings if embedding.pooled is not None]
    states = torch.cat([embedding.states for embedding in embeddings])
    return states, model.added_conditions(torch.cat(pooled) if pooled else None, *size)


def _step_options(scheduler: Any, generators: list[torch.Generator]) -> dict[str, Any]:
    """Only some schedulers take eta (0: DDIM proper) and generators."""
    accepted = inspect.signature(scheduler.step).parameters
    options: dict[str, Any] = {"eta": 0.0, "generator": generators}
    return {name: value for name, value in options.items() if name in accepted}


def to_pixels(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) about -1 .. 1 -> (B, H, W, 3) uint8 on the CPU, rounded as diffusers rounds."""
    unit_range = (pictures * 0.5 + 0.5).clamp(0, 1)
    return (unit_range.cpu().permute(0, 2, 3, 1).float() * 255).round().to(torch.uint8)
