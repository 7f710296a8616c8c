"""Which settings of A1111, Forge and ComfyUI give golden seeds their noise."""

from __future__ import annotations

from typing import Final

from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.pipeline.study.noise import NoiseSource

_SOURCES: Final[dict[NoiseSource, str]] = {
    "cpu": (
        "Their noise is drawn on the CPU: in A1111 and Forge set Settings > Stable Diffusion > Random number generator source "
        "to CPU (it is GPU at first, which is other noise); ComfyUI draws so by itself, one picture a batch."
    ),
    "nv": (
        "Their noise is drawn as on an NVIDIA card: in A1111 and Forge set Settings > Stable Diffusion > Random number "
        "generator source to NV; GPU, which it is at first, is the same on an NVIDIA card that has a thread for each value. "
        "ComfyUI draws on the CPU, and has no such setting."
    ),
}
"""Of A1111's setting `randn_source`; of a batch, ComfyUI draws the noise of all pictures from the first one's seed."""
_LAST: Final = (
    "Their noise is drawn with its channels last, as diffusers has it for this model; other programs, such as ComfyUI, have "
    "them first, so that the same seed is another picture there. golden.json says how to draw with diffusers."
)


def settings(golden: GoldenSeeds) -> str:
    """One line that begins with `#`."""
    if golden.noise is None:
        return "# The first line has the seeds. Their noise is drawn by the model's own pipeline, from generators on the CPU."
    recipe = golden.noise.recipe
    if recipe.channels_last:
        return f"# The first line has the seeds. {_LAST}"
    said = ["# The first line has the seeds.", _SOURCES[recipe.source]]
    if recipe.small is not None:
        height = recipe.small[1] * golden.conditions.height // recipe.shape[1]
        width = recipe.small[2] * golden.conditions.width // recipe.shape[2]
        said.append(
            f"Seeds are resized: under Extra set Resize seed from width to {width}, and from height to {height}."
        )
    if recipe.variation is not None:
        strength = f"{recipe.variation.strength:g}"
        said.append(
            f"They are varied: under Extra set Variation seed to {recipe.variation.seed}, its strength to {strength}."
        )
    if recipe.small is not None or recipe.variation is not None:
        said.append("ComfyUI itself has no such settings.")
    return " ".join(said)
