"""Kolors: the UNet of SDXL with ChatGLM for its texts, which reads Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Drawer, Family, Geometry
from seedscope.pipeline.models.families.sdxl import SIZES, SDXLDenoiser, StableDiffusionXL, upcast
from seedscope.pipeline.models.families.stable_diffusion import compiled
from seedscope.pipeline.models.stock_arguments import refuse_texts_of_clip
from seedscope.pipeline.study.schema import Compute, Sampling


class Kolors(StableDiffusionXL):
    """Source: diffusers, `KolorsPipeline`."""

    name = "kolors"
    chunks = False
    draws = "KolorsPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[dict[str, bool | None]] = {}
    arguments: ClassVar[frozenset[str]] = frozenset({"eta"}) | SIZES
    _absent: ClassVar[tuple[str, ...]] = ("vae", "text_encoder", "tokenizer")

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:
        """
        Raises:
            ModelError: as of SDXL, or the library that reads the tokenizer is missing.
        """
        from importlib.util import find_spec

        if find_spec("sentencepiece") is None:
            raise ModelError(
                f"model: the tokenizer of {name} needs sentencepiece. Install it: pip install sentencepiece"
            )
        return super().geometry(configs, name, fills_masks=fills_masks)

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        super().refuse(pipeline, sampling, by_prompt=by_prompt)
        refuse_texts_of_clip(pipeline, sampling)

    def reads(self, parts: Mapping[str, Any]) -> tuple[str, float]:  # noqa: ARG002
        """As many as the stock call reads, whatever `max_sequence_length` it is given."""
        return "tokenizer", 256

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:
        upcast(pipe, compute)
        return KolorsDenoiser(self, compiled(pipe, compute), device, sampling)


class KolorsDenoiser(SDXLDenoiser):
    """Source: diffusers, `KolorsPipeline`."""

    def __init__(self, family: Family, pipe: Any, device: str, sampling: Sampling) -> None:
        super().__init__(family, pipe, device, sampling)
        self.counts_steps = False

    @property
    def _text_options(self) -> dict[str, Any]:
        return {}
