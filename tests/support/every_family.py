"""A tiny model of every family, and of classes that no family knows, with the settings that draw small pictures of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from tiny_families.aura_flow import tiny_aura_flow
from tiny_families.chroma import tiny_chroma
from tiny_families.cogview4 import tiny_cogview4
from tiny_families.flux2 import tiny_flux2
from tiny_families.flux2_klein import klein
from tiny_families.flux_kontext import tiny_kontext
from tiny_families.hidream import of_small_area, tiny_hidream
from tiny_families.hunyuan_dit import tiny_hunyuan_dit
from tiny_families.hunyuan_image import hunyuan, with_short_texts
from tiny_families.kandinsky5 import of_small_sizes, tiny_kandinsky5
from tiny_families.kolors import kolors
from tiny_families.latent_consistency import lcm
from tiny_families.lumina2 import tiny_lumina2
from tiny_families.pixart import pixart
from tiny_families.qwen_image import tiny_qwen_image
from tiny_families.qwen_image21 import qwen21
from tiny_families.sana import sana
from tiny_families.unknown_classes import amused, kandinsky, latent_diffusion
from tiny_families.wan import wan
from tiny_families.z_image import tiny_z_image
from tiny_flux import flux
from tiny_sd3 import sd3

SCALE = 4.0
SIZE = {"height": 32, "width": 48}
LARGER = {"height": 32, "width": 64}
SHORT = {"max_sequence_length": 64}
AS_ASKED = {"use_resolution_binning": False}
AREA = {"max_area": 32 * 48}
LAYERS = {"text_encoder_out_layers": [0, 1, 2], "max_sequence_length": 256}
SHORT_OF_SANA = {"max_sequence_length": 32, "complex_human_instruction": ["Enhance: ", "User Prompt: "]}
PRIOR = {"prior_num_inference_steps": 2}
TOLD = {"guidance_scale": SCALE}


@dataclass(frozen=True)
class TinyFamily:
    """A tiny model of a family.

    Attributes:
        write: writes it into a folder that is not there yet, and gives that.
        size: height and width, pixels; empty: the model's own.
        call: further arguments of the call, which a study has under `sampling.call`.
        stock: what a stock call says beside these: how it is guided, and what keeps sizes as they are asked for.
        fields: what the output calls its pictures.
        small: makes pipelines draw small pictures, of classes that draw large ones alone.
    """

    write: Callable[[Path], Path]
    size: Mapping[str, int] = field(default_factory=lambda: SIZE)
    call: Mapping[str, Any] = field(default_factory=dict)
    stock: Mapping[str, Any] = field(default_factory=lambda: TOLD)
    fields: str = "images"
    small: Callable[[pytest.MonkeyPatch], None] = lambda patch: None

    def sampling(self, steps: int = 2) -> dict[str, Any]:
        """Of a study."""
        return {"steps": steps, "guidance": {"scale": SCALE}, **self.size, "call": dict(self.call)}

    def arguments(self, steps: int = 2) -> dict[str, Any]:
        """Of a stock call, beside the prompt and its noise."""
        return {"num_inference_steps": steps, **self.size, **self.call, **self.stock}


EVERY_FAMILY: dict[str, TinyFamily] = {
    "sd": TinyFamily(tiny_models.sd1, {}),
    "sdxl": TinyFamily(tiny_models.sdxl, {}),
    "lcm": TinyFamily(lcm, {}),
    "kolors": TinyFamily(kolors, {}),
    "sd3": TinyFamily(sd3),
    "flux": TinyFamily(partial(flux, guidance_embeds=True)),
    "flux-kontext": TinyFamily(tiny_kontext, call={**AREA, **SHORT}),
    "chroma": TinyFamily(tiny_chroma),
    "flux2": TinyFamily(tiny_flux2, call=LAYERS),
    "flux2-klein": TinyFamily(partial(klein, is_distilled=False), call=SHORT),
    "qwen-image": TinyFamily(tiny_qwen_image, stock={"true_cfg_scale": SCALE, "negative_prompt": ""}),
    "qwen-image-2.1": TinyFamily(
        partial(qwen21, sample_sigmas=None), LARGER, stock={"true_cfg_scale": SCALE, "negative_prompt": ""}
    ),
    "z-image": TinyFamily(tiny_z_image, call=SHORT),
    "lumina2": TinyFamily(tiny_lumina2, call={**SHORT, "system_prompt": "You see well."}),
    "cogview4": TinyFamily(tiny_cogview4),
    "sana": TinyFamily(partial(sana, sprint=False), LARGER, SHORT_OF_SANA, {**TOLD, **AS_ASKED}),
    "sana-sprint": TinyFamily(partial(sana, sprint=True), LARGER, SHORT_OF_SANA, {**TOLD, **AS_ASKED}),
    "pixart-alpha": TinyFamily(partial(pixart, sigma=False), stock={**TOLD, **AS_ASKED}),
    "pixart-sigma": TinyFamily(partial(pixart, sigma=True), stock={**TOLD, **AS_ASKED}),
    "aura-flow": TinyFamily(tiny_aura_flow),
    "hidream": TinyFamily(tiny_hidream, {"height": 16, "width": 64}, small=of_small_area),
    "hunyuan-image": TinyFamily(partial(hunyuan, distilled=False), stock={}, small=with_short_texts),
    "hunyuan-dit": TinyFamily(tiny_hunyuan_dit, stock={**TOLD, **AS_ASKED}),
    "kandinsky5": TinyFamily(tiny_kandinsky5, fields="image", small=of_small_sizes),
    "wan": TinyFamily(partial(wan, networks=2), stock={**TOLD, "num_frames": 1}, fields="frames"),
}
"""Name of a family -> a model of it."""
UNKNOWN: dict[str, TinyFamily] = {
    "AmusedPipeline": TinyFamily(amused),
    "LDMTextToImagePipeline": TinyFamily(latent_diffusion),
    "KandinskyV22CombinedPipeline": TinyFamily(kandinsky, call=PRIOR),
}
"""Class that no family knows -> a model of it."""
