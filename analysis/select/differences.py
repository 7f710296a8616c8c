"""In what a pipeline, and a call of it, differ from those with which a golden list was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch

from seedscope.analysis.select.call import call_differences
from seedscope.analysis.select.conditions import Conditions
from seedscope.analysis.select.drawn import as_drawer, sampling_of
from seedscope.analysis.select.noise_given import noise_differences
from seedscope.analysis.select.stock_parts import Pipeline, geometry_of, network_of, own_size
from seedscope.analysis.select.texts import negative_differences, read_otherwise
from seedscope.analysis.select.told import Told, told, told_differences
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.models.families import family_of
from seedscope.pipeline.models.families.generic import Generic


@dataclass(frozen=True)
class Call:
    """A call of a stock pipeline, in so far as it is told.

    Attributes:
        height, width: pixels; None: the pipeline's own size.
        dtype: in which the network runs; None: the dtype of its weights.
        counts: numbers of steps; none: not compared.
        arguments: all others that are told, by the pipeline's names.
        whole: what it does not say stands at its default, the guidance scale too.
    """

    height: int | None
    width: int | None
    dtype: torch.dtype | None
    counts: tuple[object, ...]
    arguments: Mapping[str, object]
    whole: bool

    @classmethod
    def of(
        cls,
        size: tuple[int | None, int | None],
        dtype: torch.dtype | None,
        steps: int | None,
        guidance_scale: float | None,
        call: Mapping[str, object],
    ) -> Self:
        """call: further arguments; with `num_inference_steps` among them it is the whole call."""
        named = call.get("num_inference_steps")
        others = {name: value for name, value in call.items() if name != "num_inference_steps"}
        scale = {} if guidance_scale is None else {"guidance_scale": guidance_scale}
        counts = tuple(count for count in (steps, named) if count is not None)
        return cls(*size, dtype, counts, scale | others, named is not None)


def differences(
    conditions: Conditions,
    noise: NoiseContract | None,
    seeds: Sequence[int],
    pipe: Pipeline,
    call: Call,
    weights: dict[str, str] | None,
    *,
    tensors: bool,
) -> list[str]:
    """A sentence for each; arguments as of `GoldenSeeds.check`, and the list's seeds."""
    reasons = [*conditions.no_stock_call(), *conditions.pipeline_differences(pipe, weights, loaded=tensors)]
    network, noise_reasons = network_of(pipe), [] if noise is None else noise.check()
    if network is not None and _size_is_known(pipe):
        reasons += _size_differences(conditions, noise, pipe, call)
        dtype = call.dtype or network.dtype
        for count in call.counts or (None,):
            reasons += conditions.call_differences(dtype, steps=count)
        told_anything = bool(call.counts or call.arguments)
        reasons += call_differences(conditions, pipe, call.arguments, told=told_anything, whole=call.whole)
        reasons += read_otherwise(conditions, pipe, call.arguments)
        if not noise_reasons:
            reasons += noise_differences(conditions, noise, seeds, pipe, dtype, call.arguments)
    reasons += noise_reasons
    if not reasons and tensors and noise is not None and (noise.embedding or noise.shift):
        reasons += told_differences(noise, _told(conditions, noise, pipe))
    if not reasons and tensors and network is not None:
        reasons += negative_differences(conditions, pipe, call.arguments)
    return reasons


def _size_is_known(pipe: Pipeline) -> bool:
    """Whether the parts of a pipeline are there that say of what size its latents and pictures are."""
    family = family_of(type(pipe).__name__)
    return family is not None and (isinstance(family, Generic) or pipe.components.get("vae") is not None)


def _size_differences(conditions: Conditions, noise: NoiseContract | None, pipe: Pipeline, call: Call) -> list[str]:
    own_height, own_width = own_size(pipe) or (conditions.height, conditions.width)
    shape = geometry_of(pipe).latent_shape(call.height or own_height, call.width or own_width)
    found = list(conditions.size_differences(pipe, call.height, call.width))
    if noise is not None and shape != noise.shape:
        found.append(f"The latents have the shape {shape}, but the list was made for {noise.shape}.")
    return found


def _told(conditions: Conditions, contract: NoiseContract, pipe: Pipeline) -> Told:
    prompt = contract.embedding.prompt if contract.embedding else ""
    sampling = sampling_of(conditions)
    with as_drawer(pipe, sampling) as model:
        return told(model, pipe, prompt, sampling, contract.shape)
