"""Stable Diffusion XL and SDXL-Turbo: a UNet that also takes a second encoder's pooled text, and the picture's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Conditions, Drawer, Embedding, Family, Text
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion, compiled, sides
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.study.schema import Compute, Sampling

if TYPE_CHECKING:
    import torch

Pair = tuple[int, int]
SIZES = frozenset(
    {
        "original_size",
        "target_size",
        "crops_coords_top_left",
        "negative_original_size",
        "negative_target_size",
        "negative_crops_coords_top_left",
    }
)
"""Arguments of the call that tell the network sizes and a place: (height, width), or (top, left), in pixels."""
SCORES: Mapping[str, float] = {"aesthetic_score": 6.0, "negative_aesthetic_score": 2.5}
"""Arguments that inpainting refiners are told -> what they are by default."""


class StableDiffusionXL(StableDiffusion):
    """SDXL and SDXL-Turbo, from text to picture and into masks."""

    name = "sdxl"
    draws = "StableDiffusionXLPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ("StableDiffusionXLInpaintPipeline", "StableDiffusionXLPipeline")
    options: ClassVar[Mapping[str, bool | None]] = {"add_watermarker": False}
    arguments: ClassVar[frozenset[str]] = StableDiffusion.arguments | SIZES | SCORES.keys()
    skipped: ClassVar[int] = 1
    _absent: ClassVar[tuple[str, ...]] = (*StableDiffusion._absent, "text_encoder_2", "tokenizer_2")

    def _sample_size(self, name: str, unet: Mapping[str, Any]) -> tuple[int, int] | None:
        return sides(name, unet)

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:
        upcast(pipe, compute)
        return SDXLDenoiser(self, compiled(pipe, compute), device, sampling)

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        super().refuse(pipeline, sampling, by_prompt=by_prompt)
        for name in SIZES:
            pair(sampling, name)
        for name, usual in SCORES.items():
            if not isinstance(value := sampling.call.get(name, usual), int | float):
                raise ModelError(f"{sampling.place(name)}: must be a number, not {value!r}.")


def upcast(pipe: Any, compute: Compute) -> None:
    """Bring an autoencoder that overflows in half precision to float32."""
    if compute.dtype == "float16" and pipe.vae.config.force_upcast:
        import torch

        pipe.vae.to(torch.float32)


def pair(sampling: Sampling, name: str) -> Pair | None:
    """An argument that is two whole numbers; none where the study does not say it.

    Raises:
        ModelError: it is something else.
    """
    value = sampling.arguments.get(name)
    if value is None:
        return None
    numbers = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(value) != 2 or len(numbers) != 2 or min(numbers) < 0:
        what = "[top, left]" if "crops" in name else "[height, width]"
        raise ModelError(f"{sampling.place(name)}: must be two whole numbers, {what}, in pixels, not {value!r}.")
    return numbers[0], numbers[1]


class SDXLDenoiser(UNetDenoiser):
    """Source: diffusers, `StableDiffusionXLPipeline` and `StableDiffusionXLInpaintPipeline`.

    Deviation: inpainting is as with `strength=1.0`. At the default, 0.9999, the stock pipeline leaves out the first step, and
    begins at the given picture with noise over it.
    """

    def __init__(self, family: Family, pipe: Any, device: str, sampling: Sampling) -> None:
        super().__init__(family, pipe, device, sampling)
        self.fills_masks = type(pipe).__name__ in StableDiffusionXL.inpaints[:1]
        self.counts_steps = not self.fills_masks

    def embed(self, texts: Sequence[Text]) -> list[Embedding]:
        """With whether a text is a negative one: the network may be told another size of those."""
        import torch

        embeddings = zip(super().embed(texts), texts, strict=True)
        return [{**each, "negative": torch.tensor([text.negative])} for each, text in embeddings]

    def _encoded(self, text: str, *, guided: bool, negative: str | None) -> tuple[Embedding, Embedding]:
        states, negative_states, pooled, negative_pooled = self._encode_prompt(text, guided, negative)
        return {"states": states, "pooled": pooled}, {"states": negative_states, "pooled": negative_pooled}

    def conditions(self, embeddings: Sequence[Embedding], size: tuple[int, int]) -> Conditions:
        """The states, the pooled text (B, P) and size conditions (B, 6 or 5), as the stock pipeline makes them."""
        import torch

        pooled = torch.cat([embedding["pooled"] for embedding in embeddings])
        ids, negative_ids = self._ids(size, pooled)
        rows = [negative_ids if embedding["negative"] else ids for embedding in embeddings]
        return {
            **super().conditions(embeddings, size),
            "text_embeds": pooled,
            "time_ids": torch.cat(rows).to(self.device),
        }

    def _ids(self, size: Pair, pooled: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the network is told of sizes beside a prompt, and beside what stands for a negative one; (1, 6 or 5) each."""
        told = {name: pair(self.sampling, name) for name in SIZES}
        original, target = told["original_size"] or size, told["target_size"] or size
        crops = told["crops_coords_top_left"] or (0, 0)
        negative_crops = told["negative_crops_coords_top_left"] or (0, 0)
        other_original, other_target = told["negative_original_size"], told["negative_target_size"]
        known: dict[str, Any] = {"dtype": pooled.dtype, "text_encoder_projection_dim": int(pooled.shape[-1])}
        make = self.pipe._get_add_time_ids
        if self.fills_masks:
            scores = [self.sampling.call.get(name, usual) for name, usual in SCORES.items()]
            others = (other_original or original, negative_crops, other_target or target)
            both: tuple[torch.Tensor, torch.Tensor] = make(original, crops, target, *scores, *others, **known)
            return both
        ids: torch.Tensor = make(original, crops, target, **known)
        if other_original is None or other_target is None:
            return ids, ids
        return ids, make(other_original, negative_crops, other_target, **known)

    def _unscaled(self, latents: torch.Tensor) -> torch.Tensor:
        config = self.pipe.vae.config
        mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is None or std is None:
            return super()._unscaled(latents)
        shape = (1, latents.shape[1], 1, 1)
        latents = latents * latents.new_tensor(std).view(shape) / config.scaling_factor
        return latents + latents.new_tensor(mean).view(shape)
