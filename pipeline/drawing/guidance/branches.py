"""Guidance as a weight for each branch at each step.

No guidance, classifier-free guidance, negative prompts, their general form and late onset are all
`eps = sum of weight[branch] * eps[branch]` with weights that add up to 1. A branch without weight is not run.

Source: Ho & Salimans 2022 (arXiv 2207.12598), with s = 1 + w; for negative prompts
`eps = eps_empty + s_pos (eps_pos - eps_empty) - s_neg (eps_neg - eps_empty)`, whose case s_neg = s_pos - 1 is what
diffusers computes; for late onset Ban et al. 2024 (arXiv 2406.02965).
"""

from collections.abc import Mapping
from typing import Literal

import torch

from seedscope.pipeline.study.schema import Guidance

Branch = Literal["empty", "negative", "positive"]


def weights(guidance: Guidance, step: int, *, told: bool = False) -> dict[Branch, float]:
    """The branches to run at a 0-based step, each with its weight; the base of `combine` comes first.

    A scale of 1 or less means no guidance, as in diffusers: the prompt alone, not the empty prompt.

    Args:
        told: the network is told the scale and has learned to guide itself: the prompt alone, at any scale.
    """
    if told:
        return {"positive": 1.0}
    positive = max(guidance.scale, 1.0)
    acts = bool(guidance.negative_prompt) and step >= guidance.negative_from
    if acts and guidance.negative_scale is None:
        return _run({"negative": 1 - positive, "positive": positive})
    negative = guidance.negative_scale if acts and guidance.negative_scale is not None else 0.0
    return _run({"empty": 1 - positive + negative, "negative": -negative, "positive": positive})


def step_of(timestep: int, order: int, steps: int) -> int:
    """The 0-based step by which guidance counts, at a 0-based timestep of a scheduler.

    A solver of higher order has more timesteps than steps; one that warms up, as PNDM does, has some more of its order: they
    count as the last step.
    """
    return min(timestep // order, steps - 1)


def _run(weights: dict[Branch, float]) -> dict[Branch, float]:
    return {branch: weight for branch, weight in weights.items() if weight != 0}


def branches(guidance: Guidance, steps: int, *, told: bool = False) -> set[Branch]:
    """Every branch that runs at some step."""
    return {branch for step in range(steps) for branch in weights(guidance, step, told=told)}


def combine(predictions: Mapping[Branch, torch.Tensor], weights: Mapping[Branch, float]) -> torch.Tensor:
    """The weighted sum, taken as base + differences so that it rounds as diffusers does.

    Args:
        predictions: a (B, C, h, w) tensor for each branch of `weights`; the first branch is the base.
        weights: as `weights` gives them; they add up to 1.
    """
    base, *others = weights
    guided = predictions[base]
    for branch in others:
        guided = guided + weights[branch] * (predictions[branch] - predictions[base])
    return guided


def rescaled(guided: torch.Tensor, positive: torch.Tensor, share: float) -> torch.Tensor:
    """A guided prediction, of which a share has the standard deviation of the prompt's own; both (B, C, h, w).

    Source: Lin et al. 2023 (arXiv 2305.08891), section 3.4; diffusers, `rescale_noise_cfg`.
    """
    over = list(range(1, guided.ndim))
    alike = guided * (positive.std(dim=over, keepdim=True) / guided.std(dim=over, keepdim=True))
    return share * alike + (1 - share) * guided
