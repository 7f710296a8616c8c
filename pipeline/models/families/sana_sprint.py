"""Sana-Sprint: Sana in one to four steps, with noise between them, and a network that is told the guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.families.sana import Sana
from seedscope.pipeline.study.schema import Sampling

MIDDLE = "intermediate_timesteps"


class SanaSprint(Sana):
    """Source: diffusers, `SanaSprintPipeline`."""

    name = "sana-sprint"
    draws = "SanaSprintPipeline"
    takes_negative = False

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        """The network is told any scale."""
        return frozenset()

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        super().refuse(pipeline, sampling, by_prompt=by_prompt)
        if sampling.steps != 2 and sampling.call.get(MIDDLE, "usual") is not None:
            raise ModelError(
                f"sampling.steps: {pipeline} has a time in the middle of two steps. Set steps to 2, or for "
                f"{sampling.steps} say `call: {{{MIDDLE}: null}}` under sampling."
            )

    def _encoded(self, pipe: Any, text: str, device: str, options: Mapping[str, Any]) -> tuple[Any, Any]:
        embeds, mask = pipe.encode_prompt(text, device=device, **options)
        return embeds, mask
