"""The families of models, by the class of diffusers that draws. A new family is a new file and one line here."""

from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.families.aura_flow import AuraFlow
from seedscope.pipeline.models.families.chroma import Chroma
from seedscope.pipeline.models.families.cogview4 import CogView4
from seedscope.pipeline.models.families.flux import Flux
from seedscope.pipeline.models.families.flux2 import Flux2
from seedscope.pipeline.models.families.flux2_klein import Flux2Klein
from seedscope.pipeline.models.families.flux_kontext import FluxKontext
from seedscope.pipeline.models.families.generic import generic
from seedscope.pipeline.models.families.hidream import HiDream
from seedscope.pipeline.models.families.hunyuan_dit import HunyuanDiT
from seedscope.pipeline.models.families.hunyuan_image import HunyuanImage
from seedscope.pipeline.models.families.kandinsky5 import Kandinsky5
from seedscope.pipeline.models.families.kolors import Kolors
from seedscope.pipeline.models.families.latent_consistency import LatentConsistency
from seedscope.pipeline.models.families.lumina2 import Lumina2
from seedscope.pipeline.models.families.pixart import PixArtAlpha, PixArtSigma
from seedscope.pipeline.models.families.qwen_image import QwenImage
from seedscope.pipeline.models.families.qwen_image21 import QwenImage21
from seedscope.pipeline.models.families.sana import Sana
from seedscope.pipeline.models.families.sana_sprint import SanaSprint
from seedscope.pipeline.models.families.sd3 import StableDiffusion3
from seedscope.pipeline.models.families.sdxl import StableDiffusionXL
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion
from seedscope.pipeline.models.families.wan import Wan
from seedscope.pipeline.models.families.z_image import ZImage

FAMILIES: dict[str, Family] = {
    family.draws: family
    for family in (
        StableDiffusion(),
        StableDiffusionXL(),
        LatentConsistency(),
        Kolors(),
        StableDiffusion3(),
        Flux(),
        FluxKontext(),
        Chroma(),
        Flux2(),
        Flux2Klein(),
        QwenImage(),
        QwenImage21(),
        ZImage(),
        Lumina2(),
        CogView4(),
        Sana(),
        SanaSprint(),
        PixArtAlpha(),
        PixArtSigma(),
        AuraFlow(),
        HiDream(),
        HunyuanImage(),
        HunyuanDiT(),
        Kandinsky5(),
        Wan(),
    )
}
INPAINTS: tuple[str, ...] = tuple(kind for family in FAMILIES.values() for kind in family.inpaints)
"""The classes of diffusers that fill masks."""


def family_of(pipeline: str) -> Family | None:
    """The family of a class of diffusers that draws or fills masks."""
    known = FAMILIES.get(pipeline) or next((each for each in FAMILIES.values() if pipeline in each.inpaints), None)
    return known or generic(pipeline)
