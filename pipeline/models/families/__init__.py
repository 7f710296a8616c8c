"""The families of models, by the class of diffusers that draws. A new family is a new file and one line here."""

from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.families.flux import Flux
from seedscope.pipeline.models.families.generic import generic
from seedscope.pipeline.models.families.sd3 import StableDiffusion3
from seedscope.pipeline.models.families.sdxl import StableDiffusionXL
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion

FAMILIES: dict[str, Family] = {
    family.draws: family
    for family in (
        StableDiffusion(),
        StableDiffusionXL(),
        StableDiffusion3(),
        Flux(),
    )
}
INPAINTS: tuple[str, ...] = tuple(kind for family in FAMILIES.values() for kind in family.inpaints)
"""The classes of diffusers that fill masks."""


def family_of(pipeline: str) -> Family | None:
    """The family of a class of diffusers that draws or fills masks."""
    known = FAMILIES.get(pipeline) or next((each for each in FAMILIES.values() if pipeline in each.inpaints), None)
    return known or generic(pipeline)
