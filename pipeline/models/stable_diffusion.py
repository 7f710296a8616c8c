"""Stable Diffusion 1.x and 2.x, from text to picture and into masks: a UNet that attends to one text encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Conditions, Denoiser, Embedding, Family, Geometry, Scheduler
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.study.schema import Compute

if TYPE_CHECKING:
    import torch


class StableDiffusion(Family):
    """Stable Diffusion 1.x and 2.x."""

    name = "sd"
    draws = "StableDiffusionPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ("StableDiffusionInpaintPipeline", "StableDiffusionPipeline")
    components: ClassVar[tuple[str, ...]] = ("unet", "vae", "text_encoder")
    options: ClassVar[Mapping[str, bool | None]] = {"safety_checker": None, "requires_safety_checker": False}

    def geometry(self, folder: Path, name: str, *, fills_masks: bool) -> Geometry:
        unet, vae = read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")
        channels = int(vae.get("latent_channels", 4))
        _refuse_channels(name, unet["in_channels"], channels, fills_masks=fills_masks)
        if "block_out_channels" not in vae:
            raise ModelError(
                f"{folder / 'vae'}: is of the class {vae.get('_class_name')}; pictures are decoded by AutoencoderKL."
            )
        scale = 2 ** (len(vae["block_out_channels"]) - 1)
        sample_size = unet["sample_size"] if isinstance(unet["sample_size"], int) else unet["sample_size"][0]
        return Geometry(channels, scale, sample_size * scale)

    def network(self, folder: Path) -> torch.nn.Module:
        import diffusers

        unet_class: Any = diffusers.UNet2DConditionModel
        unet: torch.nn.Module = unet_class.from_config(read_json(folder / "unet" / "config.json"))
        return unet

    def denoiser(self, pipe: Any, device: str, compute: Compute) -> Denoiser:
        return UNetDenoiser(compiled(pipe, compute), device)


def compiled(pipe: Any, compute: Compute) -> Any:
    """The pipeline, its UNet compiled where the study wants it."""
    if compute.compile:
        import torch

        pipe.unet = torch.compile(pipe.unet)
    return pipe


def only_inpaints(name: str) -> str:
    """What a model that only fills masks is refused with."""
    return (
        f"model: {name} fills masks in given pictures and draws none from a prompt alone. Name the pictures under `inpaint` "
        "in place of `prompts`, or choose a text-to-image model."
    )


def _refuse_channels(name: str, takes: int, channels: int, *, fills_masks: bool) -> None:
    """A UNet takes latents, or, to inpaint, beside them a mask and the latents of the masked picture."""
    if takes == 2 * channels + 1 and not fills_masks:
        raise ModelError(only_inpaints(name))
    if takes not in (channels, 2 * channels + 1):
        raise ModelError(
            f"model: the UNet of {name} takes {takes} channels, where latents of {channels} need {channels}, or "
            f"{2 * channels + 1} to inpaint. Choose another model."
        )


class UNetDenoiser(Denoiser):
    """A stock pipeline of diffusers with a UNet, an AutoencoderKL and a CLIP text encoder.

    Source: diffusers, `StableDiffusionPipeline`: operation for operation what it computes.
    """

    def __init__(self, pipe: Any, device: str) -> None:
        self.pipe, self.device = pipe, device
        self.scheduler: Scheduler = pipe.scheduler
        self.takes_masks = bool(pipe.unet.config.in_channels > pipe.vae.config.latent_channels)
        self.scaling = float(pipe.vae.config.scaling_factor)

    def embed(self, text: str) -> Embedding:
        return self._encoded(text, guided=False, negative=None)[0]

    def embed_negative(self, text: str) -> Embedding:
        return self._encoded("", guided=True, negative=text or None)[1]

    def _encoded(self, text: str, *, guided: bool, negative: str | None) -> tuple[Embedding, Embedding]:
        """The embeddings of a prompt and of a negative prompt, by the pipeline's own method."""
        positive, other = self._encode_prompt(text, guided, negative)
        return Embedding(positive), Embedding(other)

    def _encode_prompt(self, text: str, guided: bool, negative: str | None) -> tuple[Any, ...]:
        """What the pipeline's `encode_prompt` gives for one text."""
        encoded: tuple[Any, ...] = self.pipe.encode_prompt(
            prompt=text,
            device=self.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=guided,
            negative_prompt=negative,
        )
        return encoded

    def tokens_cut(self, text: str) -> int:
        tokenizer = self.pipe.tokenizer
        tokens: list[int] = tokenizer(text, truncation=False, verbose=False).input_ids
        return max(0, len(tokens) - int(tokenizer.model_max_length))

    def conditions(self, embeddings: Sequence[Embedding], size: tuple[int, int]) -> Conditions:  # noqa: ARG002
        import torch

        return {"states": torch.cat([embedding.states for embedding in embeddings])}

    def predict(self, latents: torch.Tensor, timestep: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        unet = self.pipe.unet
        added = {name: value for name, value in conditions.items() if name != "states"}
        prediction: torch.Tensor = unet(
            latents.to(unet.dtype),
            timestep,
            encoder_hidden_states=conditions["states"],
            added_cond_kwargs=added or None,
            return_dict=False,
        )[0]
        return prediction.float()

    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        vae = self.pipe.vae
        latents = vae.encode(pictures.to(self.device, vae.dtype)).latent_dist
        return latents.mean.float(), latents.std.float()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        decoded: torch.Tensor = vae.decode(self._unscaled(latents.to(vae.dtype)), return_dict=False)[0]
        return decoded.float()

    def _unscaled(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents as the autoencoder has them."""
        unscaled: torch.Tensor = latents / self.pipe.vae.config.scaling_factor
        return unscaled
