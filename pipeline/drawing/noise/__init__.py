"""From a seed to its noise: how it is drawn, and the contract under which it holds."""

import torch

from seedscope.pipeline.drawing.noise.contract import ROUNDING as ROUNDING
from seedscope.pipeline.drawing.noise.contract import NoiseContract as NoiseContract
from seedscope.pipeline.drawing.noise.contract import Probe as Probe
from seedscope.pipeline.drawing.noise.digest import digest as digest
from seedscope.pipeline.drawing.noise.recipe import Recipe as Recipe
from seedscope.pipeline.drawing.noise.recipe import recipe_of as recipe_of
from seedscope.pipeline.study.seeds import LARGEST_SEED as LARGEST_SEED


def latent(seed: int, shape: tuple[int, int, int]) -> torch.Tensor:
    """The plain initial latent of a seed: what a stock diffusers pipeline starts from for a CPU generator of that seed.

    See `Recipe.latent`.
    """
    return Recipe(shape).latent(seed)


def generator(seed: int, shape: tuple[int, int, int]) -> torch.Generator:
    """The CPU generator of a seed as diffusers leaves it after drawing the initial latent. See `Recipe.generator`."""
    return Recipe(shape).generator(seed)
