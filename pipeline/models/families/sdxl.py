"""Stable Diffusion XL and SDXL-Turbo: a UNet that also takes a second encoder's pooled text, and the picture's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.models.base import Conditions, Drawer, Embedding
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion, UNetDenoiser, compiled, sides
from seedscope.pipeline.study.schema import Compute, Sampling

if TYPE_CHECKING:
    import torch


class StableDiffusionXL(StableDiffusion):
    """SDXL and SDXL-Turbo."""

    name = "sdxl"
    draws = "StableDiffusionXLPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, bool | None]] = {"add_watermarker": False}
    _absent: ClassVar[tuple[str, ...]] = (*StableDiffusion._absent, "text_encoder_2", "tokenizer_2")

    def _sample_size(self, name: str, unet: Mapping[str, Any]) -> tuple[int, int] | None:
        return sides(name, unet)

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:  # noqa: ARG002
        if compute.dtype == "float16" and pipe.vae.config.force_upcast:
            import torch

            pipe.vae.to(torch.float32)
        return SDXLDenoiser(compiled(pipe, compute), device)


class SDXLDenoiser(UNetDenoiser):
    """Source: diffusers, `StableDiffusionXLPipeline`."""

    def _encoded(self, text: str, *, guided: bool, negative: str | None) -> tuple[Embedding, Embedding]:
        states, negative_states, pooled, negative_pooled = self._encode_prompt(text, guided, negative)
        return {"states": states, "pooled": pooled}, {"states": negative_states, "pooled": negative_pooled}

    @property
    def _tokenizer(self) -> Any:
        # A model may do without its first text encoder.
        return self.pipe.tokenizer or self.pipe.tokenizer_2

    def conditions(self, embeddings: Sequence[Embedding], size: tuple[int, int]) -> Conditions:
        """The states, the pooled text (B, P) and size conditions (B, 6), as the stock pipeline makes them by default."""
        import torch

        pooled = torch.cat([embedding["pooled"] for embedding in embeddings])
        ids = self.pipe._get_add_time_ids(
            size,
            (0, 0),
            size,
            dtype=pooled.dtype,
            text_encoder_projection_dim=self.pipe.text_encoder_2.config.projection_dim,
        )
        return {
            **super().conditions(embeddings, size),
            "text_embeds": pooled,
            "time_ids": ids.to(self.device).repeat(len(pooled), 1),
        }

    def _unscaled(self, latents: torch.Tensor) -> torch.Tensor:
        config = self.pipe.vae.config
        mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is None or std is None:
            return super()._unscaled(latents)
        shape = (1, latents.shape[1], 1, 1)
        latents = latents * latents.new_tensor(std).view(shape) / config.scaling_factor
        return latents + latents.new_tensor(mean).view(shape)
