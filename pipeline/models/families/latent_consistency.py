"""Latent consistency models: a UNet that is told the guidance scale and needs a few steps, with noise between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Drawer
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion, compiled, sides
from seedscope.pipeline.models.schedulers import STEP_ARGUMENTS
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.study.schema import Compute, Sampling


class LatentConsistency(StableDiffusion):
    """Source: diffusers, `LatentConsistencyModelPipeline`. The noise between its steps comes from the cells' generators."""

    name = "lcm"
    draws = "LatentConsistencyModelPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[frozenset[str]] = frozenset({"clip_skip", *STEP_ARGUMENTS})

    def _sample_size(self, name: str, unet: Mapping[str, Any]) -> tuple[int, int] | None:
        return sides(name, unet)

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:
        """
        Raises:
            ModelError: a scheduler, or a network, with which the stock pipeline cannot draw.
        """
        if (kind := type(pipe.scheduler).__name__) != "LCMScheduler":
            raise ModelError(
                f"sampling.scheduler: a {self.draws} makes the steps of LCMScheduler, not of {kind}. Use its own: "
                "`scheduler: model`."
            )
        if pipe.unet.config.time_cond_proj_dim is None:
            raise ModelError(
                f"model: a {self.draws} has a UNet that is told the guidance scale, and this one has no time_cond_proj_dim. "
                "Load it as a StableDiffusionPipeline, with `scheduler: lcm`."
            )
        return UNetDenoiser(self, compiled(pipe, compute), device, sampling)
