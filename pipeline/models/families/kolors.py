"""Kolors: the UNet of SDXL with ChatGLM for its texts, which reads Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Drawer, Geometry
from seedscope.pipeline.models.families.sdxl import SIZES, SDXLDenoiser, StableDiffusionXL, upcast
from seedscope.pipeline.models.families.stable_diffusion import compiled
from seedscope.pipeline.study.schema import Compute, Sampling

LONGEST = 256
"""Tokens of a prompt that are read, whatever the call says. Source: diffusers, `KolorsPipeline.__call__`."""


class Kolors(StableDiffusionXL):
    """Source: diffusers, `KolorsPipeline`."""

    name = "kolors"
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

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:
        upcast(pipe, compute)
        return KolorsDenoiser(compiled(pipe, compute), device, sampling)


class KolorsDenoiser(SDXLDenoiser):
    """Source: diffusers, `KolorsPipeline`."""

    def __init__(self, pipe: Any, device: str, sampling: Sampling) -> None:
        super().__init__(pipe, device, sampling)
        self.counts_steps = False

    @property
    def _text_options(self) -> dict[str, Any]:
        return {}

    @property
    def _tokenizer(self) -> Any:
        return self.pipe.tokenizer

    def tokens_cut(self, text: str) -> int:
        tokens: Sequence[int] = self._tokenizer(text, truncation=False, verbose=False)["input_ids"]
        return max(0, len(tokens) - LONGEST)
