"""Load a diffusion model, and what sampling asks of it."""

from dataclasses import dataclass
from typing import Any

import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.device import pick_device
from seedscope.pipeline.models.locate import Family, Located, read_json
from seedscope.pipeline.study.schema import Compute, Sampling

SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}


@dataclass(frozen=True)
class Embedding:
    """What the UNet is told of a text: hidden states (1, L, D) and, for SDXL, the pooled vector (1, P)."""

    states: torch.Tensor
    pooled: torch.Tensor | None


class LoadedModel:
    """A stock diffusers pipeline and the few things that sampling asks of it."""

    def __init__(self, pipe: Any, family: Family, device: str) -> None:
        self.pipe, self.family, self.device = pipe, family, device

    def embed(self, text: str) -> Embedding:
        """Embed one prompt, alone: its embedding then depends on nothing else."""
        return self._encode(text, guided=False, negative=None)[0]

    def embed_negative(self, text: str) -> Embedding:
        """Embed a negative prompt; of an empty one, what diffusers takes for none at all (zeros for some SDXL models)."""
        return self._encode("", guided=True, negative=text or None)[1]

    def tokens_cut(self, text: str) -> int:
        """How many tokens of a prompt are cut off because the text encoder takes no more."""
        tokenizer = self.pipe.tokenizer
        tokens: list[int] = tokenizer(text, truncation=False, verbose=False).input_ids
        return max(0, len(tokens) - int(tokenizer.model_max_length))

    @torch.inference_mode()
    def _encode(self, text: str, *, guided: bool, negative: str | None) -> tuple[Embedding, Embedding]:
        found = self.pipe.encode_prompt(
            prompt=text,
            device=self.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=guided,
            negative_prompt=negative,
        )
        if self.family == "sd":
            return Embedding(found[0], None), Embedding(found[1], None)
        return Embedding(found[0], found[2]), Embedding(found[1], found[3])

    @torch.inference_mode()
    def added_conditions(self, pooled: torch.Tensor | None, height: int, width: int) -> dict[str, torch.Tensor] | None:
        """SDXL's pooled text (B, P) and size conditions (B, 6), as its stock pipeline makes them by default."""
        if pooled is None:
            return None
        size = (height, width)
        ids = self.pipe._get_add_time_ids(
            size,
            (0, 0),
            size,
            dtype=pooled.dtype,
            text_encoder_projection_dim=self.pipe.text_encoder_2.config.projection_dim,
        )
        return {"text_embeds": pooled, "time_ids": ids.to(self.device).repeat(len(pooled), 1)}

    @property
    def takes_masks(self) -> bool:
        """Whether the UNet takes a mask, and a masked picture's latents, beside the latents."""
        return bool(self.pipe.unet.config.in_channels > self.pipe.vae.config.latent_channels)

    @torch.inference_mode()
    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, 3, H, W), -1 .. 1 -> mean and standard deviation of their latents, (B, C, h, w) float32, unscaled."""
        vae = self.pipe.vae
        found = vae.encode(pictures.to(self.device, vae.dtype)).latent_dist
        return found.mean.float(), found.std.float()

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, C, h, w) -> pictures (B, 3, H, W) float32, about -1 .. 1."""
        vae = self.pipe.vae
        latents = latents.to(vae.dtype)
        mean, std = getattr(vae.config, "latents_mean", None), getattr(vae.config, "latents_std", None)
        if self.family == "sdxl" and mean is not None and std is not None:
            shape = (1, latents.shape[1], 1, 1)
            latents = latents * latents.new_tensor(std).view(shape) / vae.config.scaling_factor
            latents = latents + latents.new_tensor(mean).view(shape)
        else:
            latents = latents / vae.config.scaling_factor
        decoded: torch.Tensor = vae.decode(latents, return_dict=False)[0]
        return decoded.float()


def architecture(located: Located, sampling: Sampling) -> tuple[str, Any, Any]:
    """What a study draws with, without weights: name of the pipeline's class, the UNet on the meta device, the scheduler.

    Raises:
        ModelError: the folder's configuration is not one that diffusers understands.
    """
    import diffusers

    try:
        with torch.device("meta"):
            unet_class: Any = diffusers.UNet2DConditionModel
            unet = unet_class.from_config(read_json(located.folder / "unet" / "config.json"))
        config = read_json(located.folder / "scheduler" / "scheduler_config.json")
        scheduler = _scheduler(str(config["_class_name"]), sampling).from_config(config)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{located.folder}: its configuration cannot be read: {error}.") from error
    return located.pipeline, unet, scheduler


def _scheduler(own: str, sampling: Sampling) -> Any:
    """The class of the scheduler that a study asks for; `own` is the name of the model's."""
    import diffusers

    return getattr(diffusers, own if sampling.scheduler == "model" else SCHEDULERS[sampling.scheduler])


def load(located: Located, variant: str | None, sampling: Sampling, compute: Compute) -> LoadedModel:
    """Load a model with the scheduler of a study. Slow; once a worker.

    Raises:
        ModelError: weights that cannot be loaded, or are not all there.
    """
    import diffusers
    import transformers

    device = pick_device(compute.device)
    kind: Any = getattr(diffusers, located.pipeline)
    extra: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}
    if located.family == "sdxl":
        extra = {"add_watermarker": False}
    source = {"pretrained_model_name_or_path": located.hub or str(located.folder)}
    if located.hub:
        source["revision"] = located.folder.name
    try:
        diffusers.utils.logging.disable_progress_bar()
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no types
        pipe = kind.from_pretrained(
            **source, dtype=getattr(torch, compute.dtype), use_safetensors=True, variant=variant, **extra
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        # diffusers and safetensors raise all of these for missing, cut-off or mismatched files.
        raise ModelError(f"{located.hub or located.folder}: cannot be loaded: {str(error).splitlines()[0]}") from error
    if sampling.scheduler != "model":
        pipe.scheduler = _scheduler("", sampling).from_config(pipe.scheduler.config)
    pipe.to(device)
    if located.family == "sdxl" and compute.dtype == "float16" and pipe.vae.config.force_upcast:
        pipe.vae.to(torch.float32)
    if compute.compile:
        pipe.unet = torch.compile(pipe.unet)
    return LoadedModel(pipe, located.family, device)
