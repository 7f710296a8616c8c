"""The noise of golden seeds in the form that a pipeline's call takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch

from seedscope.analysis.select.stock_parts import network_of
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.models.families import family_of
from seedscope.pipeline.models.stock import StockFamily

Pipeline: TypeAlias = Any


def latents_for(
    contract: NoiseContract, seeds: Sequence[int], pipe: Pipeline | None, made_in: str = "float32"
) -> torch.Tensor:
    """(k, ...) of at least one seed: as it is drawn, float32 on the CPU; or as the call of a pipeline takes it.

    Args:
        pipe: whose form, dtype and device it gets; None: none.
        made_in: dtype of the network with which the list was made.

    Raises:
        ValueError: the list's noise was drawn in a way that is not known here.
    """
    latents = torch.stack([contract.recipe.latent(seed) for seed in seeds])
    if pipe is None:
        return latents
    family, dtype = family_of(type(pipe).__name__), network_of(pipe).dtype
    if isinstance(family, StockFamily):
        latents = family.shaped(latents)
        dtype = torch.float32 if family.latents_in_float32 else dtype
    if contract.cast_to is not None and network_of(pipe).dtype == getattr(torch, made_in):
        dtype = getattr(torch, contract.cast_to)
    return latents.to(device=pipe._execution_device, dtype=dtype)


def generators_for(contract: NoiseContract, seeds: Sequence[int], *, after_latent: bool) -> list[torch.Generator]:
    """A CPU generator for each seed, fresh, or as it is after the initial latent.

    Raises:
        ValueError: no generator of torch's draws the noise of the list.
    """
    recipe = contract.recipe
    if recipe.source == "nv":
        raise ValueError(
            "The list's noise is that of an NVIDIA card, which no generator on the CPU draws. Give the call "
            "`latents=golden.latents(pipe)`, or draw with `golden.draw(pipe, prompt)` where the scheduler draws between steps."
        )
    if after_latent:
        return [recipe.generator(seed) for seed in seeds]
    if not recipe.plain:
        raise ValueError(
            "The list's noise is resized or varied, which no generator draws. Give the call `latents=golden.latents(pipe)`, "
            "and `generator=golden.generators(after_latent=True)` where the scheduler draws noise between its steps."
        )
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
