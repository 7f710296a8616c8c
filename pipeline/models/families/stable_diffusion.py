"""Stable Diffusion 1.x and 2.x, from text to picture and into masks: a UNet that attends to one text encoder."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Drawer, Family, Geometry, above, negatives
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.long_texts import without_weights
from seedscope.pipeline.models.tokens import CLIP_READS, tokens_beyond
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.study.schema import Compute, Sampling

if TYPE_CHECKING:
    import torch

OLD_SIZE = 64
"""The `sample_size` that the stock pipeline takes for a smaller one in a UNet that diffusers before 0.9 wrote."""


LAYERS = 12
"""Of a text encoder that does not say it. Source: transformers, `CLIPTextConfig`."""
ZEROS = "force_zeros_for_empty_prompt"


class StableDiffusion(Family):
    """Stable Diffusion 1.x and 2.x."""

    name = "sd"
    chunks = True
    draws = "StableDiffusionPipeline"
    inpaints: ClassVar[tuple[str, ...]] = ("StableDiffusionInpaintPipeline", "StableDiffusionPipeline")
    unused: ClassVar[tuple[str, ...]] = ("safety_checker", "feature_extractor", "image_encoder")
    options: ClassVar[Mapping[str, bool | None]] = {"safety_checker": None, "requires_safety_checker": False}
    arguments: ClassVar[frozenset[str]] = frozenset({"eta", "clip_skip", "guidance_rescale"})
    """Arguments of the stock call that the project's own steps know."""
    skipped: ClassVar[int] = 0
    """How many of the text encoders' last layers are never read."""
    _absent: ClassVar[tuple[str, ...]] = ("vae", "text_encoder", "tokenizer", "feature_extractor")

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:
        unet, vae = configs("unet"), configs("vae")
        if not unet or not vae:
            raise ValueError("it has no unet, or no vae")
        channels = int(vae.get("latent_channels", 4))
        _refuse_channels(name, int(unet.get("in_channels", 4)), channels, fills_masks=fills_masks)
        if "block_out_channels" not in vae:
            raise ModelError(
                f"{name}: its vae is of the class {vae.get('_class_name')}; pictures are decoded by AutoencoderKL."
            )
        scale = 2 ** (len(vae["block_out_channels"]) - 1)
        own = self._sample_size(name, unet)
        return Geometry(channels, scale, None if own is None else (own[0] * scale, own[1] * scale))

    def _sample_size(self, name: str, unet: Mapping[str, Any]) -> tuple[int, int] | None:
        """(h, w) of a latent of the model's own size, as the stock pipeline takes it; None where the UNet does not say."""
        found = sides(name, unet)
        old = _release(str(unet.get("_diffusers_version", ""))) < (0, 9)
        lifted = old and isinstance(unet.get("sample_size"), int) and found is not None and found[0] < OLD_SIZE
        return (OLD_SIZE, OLD_SIZE) if lifted else found

    def bare(self, folder: Path, pipeline: str, scheduler: Any) -> tuple[torch.nn.Module, Any]:
        """The stock pipeline corrects settings of old versions, so it is built around them."""
        import diffusers
        import torch

        unet_class: Any = diffusers.UNet2DConditionModel
        with torch.device("meta"):
            unet = unet_class.from_config(read_json(folder / "unet" / "config.json"))
        absent = dict.fromkeys(self._absent)
        pipe = getattr(diffusers, pipeline)(**absent, unet=unet, scheduler=scheduler, **self.options)
        return pipe.unet, pipe.scheduler

    def reads(self, parts: Mapping[str, Any]) -> tuple[str, float]:
        return ("tokenizer" if parts.get("tokenizer") else "tokenizer_2"), CLIP_READS

    def tokens_cut(self, parts: Mapping[str, Any], processor: Any, text: str, sampling: Sampling) -> int:
        if sampling.long_prompts == "chunks":
            return 0
        text = without_weights(text) if sampling.weighted_prompts else text
        return tokens_beyond(processor, text, min(int(processor.model_max_length), self.reads(parts)[1]))

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:
        """A network that is told the scale is not guided beside that, whatever the scale."""
        told = pipe.unet.config.time_cond_proj_dim is not None
        if not told and above(call, "guidance_scale", 1):
            return frozenset()
        return negatives(call) | {"guidance_rescale"} | (frozenset() if told else {"guidance_scale"})

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:
        return UNetDenoiser(self, compiled(pipe, compute), device, sampling)

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:  # noqa: ARG002
        guidance = sampling.guidance
        if guidance.negative_prompt and guidance.scale <= 1 and guidance.negative_scale is None:
            raise ModelError(
                f"sampling.guidance.negative_prompt: has no effect at scale {guidance.scale:g}. Set a scale above 1, or a "
                "negative_scale, or remove it."
            )
        if not sampling.arguments:
            return
        import diffusers

        taken = self.arguments & set(inspect.signature(getattr(diffusers, pipeline).__call__).parameters)
        for name in sampling.arguments:
            if name not in taken:
                raise ModelError(
                    f"{sampling.place(name)}: the steps of a {pipeline} are made by seedscope, which knows no such argument. "
                    f"Remove it; known are {', '.join(sorted(taken))}."
                )

    def refuse_model(self, configs: Configs, sampling: Sampling, compute: Compute) -> None:  # noqa: ARG002
        guidance = sampling.guidance
        if guidance.negative_prompt and told(configs):
            raise ModelError(
                "sampling.guidance.negative_prompt: the model is told the guidance scale and has learned to guide itself, "
                "which leaves no place for a negative prompt. Remove it."
            )
        if guidance.empty == "text" and not configs("").get(ZEROS):
            raise ModelError(
                f"sampling.guidance.empty: an empty text and none are the same to this model, which has no {ZEROS}. Remove the "
                "key."
            )
        if sampling.weighted_prompts and sampling.clip_skip is not None:
            raise ModelError(
                "sampling.clip_skip: compel, which weighs prompts, skips no layers. Remove one of the two."
            )
        if sampling.clip_skip is not None and sampling.clip_skip > (most := self._most_skipped(configs)):
            raise ModelError(
                f"sampling.clip_skip: of the text encoder's layers {most} can be skipped, not {sampling.clip_skip}. Skip fewer."
            )

    def _most_skipped(self, configs: Configs) -> int:
        """How many layers of the text encoders can be skipped: the states before the first layer are the last that are left.

        Source: diffusers, `encode_prompt` of the stock pipelines.
        """
        encoders = [config for part in ("text_encoder", "text_encoder_2") if (config := configs(part))]
        return min(int(config.get("num_hidden_layers", LAYERS)) for config in encoders) - self.skipped


def told(configs: Configs) -> bool:
    """Whether the UNet is told the guidance scale, and guides itself."""
    return configs("unet").get("time_cond_proj_dim") is not None


def _release(version: str) -> tuple[int, ...]:
    """(major, minor) of a version of diffusers; (1,) where there is none."""
    parts = version.split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdecimal() for part in parts) else (1,)


def sides(name: str, unet: Mapping[str, Any]) -> tuple[int, int] | None:
    """The `sample_size` of a UNet as a pair; None where it does not say.

    Raises:
        ModelError: it is neither a number nor a pair of numbers.
    """
    found = unet.get("sample_size")
    pair = [found, found] if isinstance(found, int) else found
    if pair is None:
        return None
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(side, int) and side > 0 for side in pair)):
        raise ModelError(f"{name}: its UNet's sample_size is {found!r}, neither a number nor (height, width).")
    return pair[0], pair[1]


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
