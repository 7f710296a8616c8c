"""Pictures of golden seeds, drawn with a pipeline of diffusers as the run drew them: by the project's own sampler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from seedscope.analysis.select.component import dtype_name
from seedscope.analysis.select.conditions import Conditions
from seedscope.analysis.select.stock_parts import Pipeline, configs_of, family_named, network_of
from seedscope.pipeline.drawing.noise import Recipe
from seedscope.pipeline.drawing.sampler import sample, to_pixels
from seedscope.pipeline.drawing.stock_call import branches_of, call_whole, text_of
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.models.as_it_is import CalledAsItIs
from seedscope.pipeline.models.base import Denoiser
from seedscope.pipeline.study.schema import Compute, Guidance, Sampling

if TYPE_CHECKING:
    from seedscope.pipeline.drawing.guidance import Branch
    from seedscope.pipeline.models.base import Drawer, Embedding


@torch.no_grad()
def drawn(
    pipe: Pipeline, prompt: str, seeds: Sequence[int], conditions: Conditions, recipe: Recipe | None, batch_size: int
) -> Iterator[Pixels]:
    """Draw one prompt with each seed, `batch_size` at once: (height, width, 3) uint8 each, in the order of the seeds.

    Args:
        pipe: of a class that can be drawn with; its autoencoder is left in the dtype that it has.
        recipe: how their noise is drawn; None: the pipeline draws it itself.
    """
    sampling = sampling_of(conditions)
    with as_drawer(pipe, sampling) as model:
        if isinstance(model, CalledAsItIs):
            yield from _as_it_is(model, prompt, seeds, sampling)
        elif recipe is None:
            raise TypeError(f"{type(model).__name__} draws from latents, and the list does not say how they are drawn")
        else:
            texts = _texts(model, prompt, sampling)
            for start in range(0, len(seeds), batch_size):
                yield from _batch(model, seeds[start : start + batch_size], texts, sampling, recipe)


@contextmanager
def as_drawer(pipe: Pipeline, sampling: Sampling) -> Iterator[Drawer]:
    """A user's pipeline as the project draws with one; its autoencoder and its progress bar are as they were afterwards.

    Raises:
        ModelError: it cannot draw so.
    """
    vae = pipe.components.get("vae")
    before = getattr(vae, "dtype", None)
    bar = getattr(pipe, "_progress_bar_config", {})  # diffusers sets it with the first bar
    compute = Compute.model_validate({"dtype": dtype_name(network_of(pipe).dtype)})
    family = family_named(pipe)
    family.refuse_model(configs_of(pipe), sampling, compute)
    try:
        yield family.drawer(pipe, str(pipe._execution_device), sampling, compute)
    finally:
        pipe.set_progress_bar_config(**bar)
        if vae is not None and vae.dtype != before:
            vae.to(before)


def _as_it_is(model: CalledAsItIs, prompt: str, seeds: Sequence[int], sampling: Sampling) -> Iterator[Pixels]:
    for seed in seeds:
        yield from to_pixels(model.draw([(prompt, seed)], (sampling.height or 0, sampling.width or 0))).numpy()


def _batch(
    model: Drawer, seeds: Sequence[int], texts: dict[Branch, Embedding], sampling: Sampling, recipe: Recipe
) -> Iterator[Pixels]:
    size = (sampling.height or 0, sampling.width or 0)
    start = torch.stack([recipe.latent(seed) for seed in seeds])
    generators = [recipe.generator(seed) for seed in seeds]
    each = {branch: [embedding] * len(seeds) for branch, embedding in texts.items()}
    if isinstance(model, Denoiser):
        with recipe.drawing():
            pictures = model.decode(sample(model, start, generators, each, sampling, size))
    else:
        with recipe.drawing():
            pictures = call_whole(model, start, generators, each, size)
    yield from to_pixels(pictures).numpy()


def sampling_of(conditions: Conditions) -> Sampling:
    """How a list's pictures were sampled, by the scheduler that the pipeline has."""
    guidance = Guidance(
        scale=conditions.guidance_scale,
        negative_prompt=conditions.negative_prompt,
        negative_scale=conditions.negative_scale,
        negative_from=conditions.negative_from,
        empty=conditions.empty,
    )
    return Sampling.model_validate(
        {
            "steps": conditions.steps,
            "guidance": guidance,
            "height": conditions.height,
            "width": conditions.width,
            "long_prompts": conditions.long_prompts,
            "weighted_prompts": conditions.weighted_prompts,
            "call": conditions.call,
        }
    )


def _texts(model: Drawer, prompt: str, sampling: Sampling) -> dict[Branch, Embedding]:
    """What each branch of the guidance is given."""
    found = branches_of(model, sampling)
    texts = [text_of(branch, prompt, sampling.guidance) for branch in found]
    return dict(zip(found, model.embed(texts), strict=True))
