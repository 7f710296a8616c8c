"""FLUX.2 klein: FLUX.2 with a Qwen 3 text, guided by the empty text, or, distilled in steps, not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.chat import user_says
from seedscope.pipeline.models.families.flux2 import Flux2
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Guidance, Sampling


class Flux2Klein(Flux2):
    """Source: diffusers, `Flux2KleinPipeline`. A distilled one (`is_distilled` of the model's index) reads no scale."""

    name = "flux2-klein"
    draws = "Flux2KleinPipeline"
    ignored = StockFamily.ignored

    def is_guided(self, pipe: Any, call: Mapping[str, Any]) -> bool:
        return not pipe.config.is_distilled and super().is_guided(pipe, call)

    def framed(self, tokenizer: Any, text: str, options: Mapping[str, Any]) -> str:  # noqa: ARG002
        return user_says(tokenizer, text, thinks=False)

    def uses_negative(self, guidance: Guidance, call: Mapping[str, Any]) -> bool:  # noqa: ARG002
        return guidance.scale > 1

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        super().refuse(pipeline, sampling, by_prompt=by_prompt)
        if sampling.guidance.negative_prompt:
            raise ModelError(
                f"sampling.guidance.negative_prompt: {pipeline} takes no negative prompt: it is guided by the empty one. "
                "Remove it."
            )
