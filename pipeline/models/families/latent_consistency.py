"""Latent consistency models: a UNet that is told the guidance scale and needs a few steps, with noise between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion, sides, told
from seedscope.pipeline.models.schedulers import STEP_ARGUMENTS
from seedscope.pipeline.study.scheduler_names import OWN
from seedscope.pipeline.study.schema import Compute, Sampling


class LatentConsistency(StableDiffusion):
    """Source: diffusers, `LatentConsistencyModelPipeline`. The noise between its steps comes from the cells' generators."""

    name = "lcm"
    draws = "LatentConsistencyModelPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[frozenset[str]] = frozenset({"clip_skip", *STEP_ARGUMENTS})

    def _sample_size(self, name: str, unet: Mapping[str, Any]) -> tuple[int, int] | None:
        return sides(name, unet)

    def refuse_model(self, configs: Configs, sampling: Sampling, compute: Compute) -> None:
        """
        Raises:
            ModelError: a scheduler, or a network, with which the stock pipeline cannot draw.
        """
        kind, _ = sampling.wanted
        if (kind := str(configs("")["scheduler"][1]) if kind == OWN else kind) != "LCMScheduler":
            raise ModelError(
                f"sampling.scheduler: a {self.draws} makes the steps of LCMScheduler, not of {kind}. Use its own: "
                "`scheduler: model`."
            )
        if not told(configs):
            raise ModelError(
                f"model: a {self.draws} has a UNet that is told the guidance scale, and this one has no time_cond_proj_dim. "
                "Load it as a StableDiffusionPipeline, with `scheduler: lcm`."
            )
        super().refuse_model(configs, sampling, compute)
