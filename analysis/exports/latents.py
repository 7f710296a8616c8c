"""The exact starting noise of seeds as safetensors: a tensor a seed, called by it.

Source: safetensors, README, "Format": metadata are texts by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import save_file

from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer
from seedscope.pipeline.drawing.noise import digest
from seedscope.pipeline.drawing.noise.contract import SOURCES
from seedscope.pipeline.drawing.noise.recipe import Recipe

FILE = "latents.safetensors"


def latents(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `Source.drawn_seeds` and `Source.noise`.
    """
    seeds, recipe, conditions = source.drawn_seeds(), source.noise("a file of noise"), source.golden().conditions

    def write(folder: Path) -> list[str]:
        told = {"model": conditions.model.id, "width": str(conditions.width), "height": str(conditions.height)}
        write_latents(folder / FILE, seeds, recipe, told)
        shape = " x ".join(map(str, recipe.shape))
        return [
            f"{FILE} has the noise of {len(seeds)} seeds, {shape} float32 of N(0, 1), by the number of the seed: give it to "
            "diffusers as `latents=`, which multiplies by the scheduler's `init_noise_sigma` itself.",
            "Its metadata say the generator, the shape, and the SHA-256 of the bytes of each tensor.",
        ]

    return write


def write_latents(path: Path, seeds: Sequence[int], recipe: Recipe, told: Mapping[str, str]) -> None:
    """Write the noise of seeds, a tensor (C, h, w), or (h, w, C), float32 a seed.

    Args:
        told: further metadata.
    """
    drawn = {seed: recipe.latent(seed) for seed in seeds}
    variation = None if recipe.variation is None else recipe.variation.model_dump(mode="json")
    metadata = {
        **told,
        "seeds": json.dumps(list(seeds)),
        "shape": json.dumps(recipe.shape),
        "layout": "h,w,C" if recipe.channels_last else "C,h,w",
        "dtype": "float32",
        "generator": SOURCES[recipe.source],
        "resized_from": json.dumps(recipe.small),
        "variation": json.dumps(variation),
        "sha256": json.dumps({str(seed): digest(tensor) for seed, tensor in drawn.items()}),
    }
    save_file({str(seed): tensor.contiguous() for seed, tensor in drawn.items()}, path, metadata)
