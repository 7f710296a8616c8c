"""Find and load a diffusion model: a bundled one, a folder in diffusers layout, or a hub id."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.study import Compute, Json, Model, Sampling

BUNDLED = Path(__file__).parent / "sprout"
Family = Literal["sd", "sdxl"]
FAMILIES: dict[str, Family] = {"StableDiffusionPipeline": "sd", "StableDiffusionXLPipeline": "sdxl"}
INPAINTS = ("StableDiffusionInpaintPipeline", "StableDiffusionPipeline")  # both drawn by the first
SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}
PICKLES = (".bin", ".ckpt", ".pt", ".pth")


@dataclass(frozen=True)
class Located:
    """Where a model lies and what it is, known without loading its weights.

    `identity` names the weights: sha256 of every safetensors file of a folder, or the commit of a hub repository.
    `pipeline` is the class of diffusers that draws what a study asks for. `channels` are those of a latent; `scale` is the
    number of pixels a latent stands for on a side; `bytes` the size of a folder's weights.
    """

    folder: Path
    hub: str | None
    pipeline: str
    family: Family
    identity: Json
    channels: int
    scale: int
    default_size: int
    bytes: int | None

    def size(self, sampling: Sampling) -> tuple[int, int]:
        """(height, width) in pixels that a study asks for.

        Raises:
            ModelError: a side that is not a multiple of `scale`.
        """
        height, width = sampling.height or self.default_size, sampling.width or self.default_size
        for name, side in (("height", height), ("width", width)):
            if side % self.scale:
                near = max(self.scale, round(side / self.scale) * self.scale)
                raise ModelError(
                    f"sampling.{name}: {self.folder.name} makes sides that are multiples of {self.scale}, not {side}; "
                    f"the nearest is {near}."
                )
        return height, width

    def latent_shape(self, sampling: Sampling) -> tuple[int, int, int]:
        """(C, h, w) of a latent."""
        height, width = self.size(sampling)
        return self.channels, height // self.scale, width // self.scale


def bundled() -> dict[str, Path]:
    """Name -> folder of all models that ship with the project; `kind` says what each is."""
    pipelines = {path.parent for path in BUNDLED.glob("*/model_index.json")}
    networks = {path.parent for path in BUNDLED.rglob("config.json") if not pipelines & set(path.parents)}
    return {folder.relative_to(BUNDLED).as_posix(): folder for folder in sorted(pipelines | networks)}


def kind(folder: Path) -> str:
    """The class that loads a model's folder: a pipeline of diffusers or a network of transformers."""
    if (folder / "model_index.json").exists():
        return str(_json(folder / "model_index.json").get("_class_name"))
    return str(_json(folder / "config.json")["architectures"][0])


def locate(model: Model, *, inpaint: bool = False) -> Located:
    """Find a model and read its configuration; `inpaint`: it is to fill masks in pictures, not to draw from text alone.

    Raises:
        ModelError: it does not exist, is of a kind that cannot be run or cannot do the task, or offers pickles for weights.
    """
    shipped = bundled()
    folder = shipped.get(model.id) or Path(model.id).expanduser()
    if folder.is_dir():
        if model.revision is not None:
            raise ModelError(f"model.revision: {model.id} is a folder; only a hub id has revisions. Remove the key.")
        return _describe(folder.resolve(), None, None, inpaint=inpaint)
    if model.id.count("/") == 1 and not model.id.startswith((".", "/", "~")):
        return _describe(_hub_configs(model), model.id, model.variant, inpaint=inpaint)
    names = ", ".join(name for name, path in shipped.items() if kind(path) in (INPAINTS if inpaint else FAMILIES))
    raise ModelError(
        f"model: there is no model {model.id!r}. Bundled are {names or 'none'}; otherwise give a folder "
        "with a model_index.json, or a hub id such as stabilityai/sdxl-turbo."
    )


def _hub_configs(model: Model) -> Path:
    """Folder of the JSON files of a hub repository, named by its commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(model.id, revision=model.revision, allow_patterns=["*.json", "*/*.json"]))
    except RepositoryNotFoundError:
        raise ModelError(
            f"model: the hub has no repository {model.id!r}, or it needs a login (`hf auth login`). Check the spelling."
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"model.revision: {model.id} has no revision {model.revision!r}.") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise ModelError(
            f"model: {model.id} is not a folder here, and the hub cannot be reached to look for it there. Check the path "
            "or the network, or download it once with `hf download` where there is one."
        ) from None


def _describe(folder: Path, hub: str | None, variant: str | None, *, inpaint: bool) -> Located:
    index = _json(folder / "model_index.json")
    pipeline = kind(folder)
    _refuse_class(hub or str(folder), pipeline, inpaint=inpaint)
    if hub is None:
        _refuse_pickles(folder, index)
    unet, vae = _json(folder / "unet" / "config.json"), _json(folder / "vae" / "config.json")
    channels = int(vae.get("latent_channels", 4))
    _refuse_channels(hub or str(folder), unet["in_channels"], channels, inpaint=inpaint)
    if "block_out_channels" not in vae:
        raise ModelError(
            f"{folder / 'vae'}: is of the class {vae.get('_class_name')}; pictures are decoded by AutoencoderKL."
        )
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    sample_size = unet["sample_size"] if isinstance(unet["sample_size"], int) else unet["sample_size"][0]
    size = None if hub else sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    identity: Json = (
        {"hub": hub, "commit": folder.name, "variant": variant} if hub else {"weights": dict(_weight_hashes(folder))}
    )
    family = "sd" if inpaint else FAMILIES[pipeline]
    drawn_by = INPAINTS[0] if inpaint else pipeline
    return Located(folder, hub, drawn_by, family, identity, channels, scale, sample_size * scale, size)


def _refuse_class(name: str, pipeline: str, *, inpaint: bool) -> None:
    if inpaint and pipeline not in INPAINTS:
        raise ModelError(
            f"model: {name} is a {pipeline}; inpainting runs on {' and '.join(INPAINTS)}. Choose such a model, or name "
            "`prompts` in place of `inpaint`."
        )
    if not inpaint and pipeline == INPAINTS[0]:
        raise ModelError(_only_inpaints(name))
    if not inpaint and pipeline not in FAMILIES:
        raise ModelError(f"{name}: is a {pipeline}; text-to-image runs on {' and '.join(FAMILIES)}.")


def _refuse_channels(name: str, takes: int, channels: int, *, inpaint: bool) -> None:
    """A UNet takes latents, or, to inpaint, beside them a mask and the latents of the masked picture."""
    if takes == 2 * channels + 1 and not inpaint:
        raise ModelError(_only_inpaints(name))
    if takes not in (channels, 2 * channels + 1):
        raise ModelError(
            f"model: the UNet of {name} takes {takes} channels, where latents of {channels} need {channels}, or "
            f"{2 * channels + 1} to inpaint. Choose another model."
        )


def _only_inpaints(name: str) -> str:
    return (
        f"model: {name} fills masks in given pictures and draws none from a prompt alone. Name the pictures under `inpaint` "
        "in place of `prompts`, or choose a text-to-image model."
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: is missing, so {path.parent} is not a model in diffusers layout.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}.") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: holds no JSON object.")
    return content


def _refuse_pickles(folder: Path, index: dict[str, Any]) -> None:
    """A component with weights must have them as safetensors: a pickle runs code when it is opened."""
    for name in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if index.get(name, [None])[0] is None or any((folder / name).glob("*.safetensors")):
            continue
        found = next((file.name for file in sorted((folder / name).glob("*")) if file.suffix in PICKLES), None)
        raise ModelError(
            f"{folder / name}: has its weights only as a pickle ({found}), which could run any code. Load it once where you "
            "trust it and call `pipe.save_pretrained(folder, safe_serialization=True)`."
            if found
            else f"{folder / name}: has no weights (*.safetensors)."
        )


def _weight_hashes(folder: Path) -> list[tuple[str, str]]:
    files = sorted(folder.rglob("*.safetensors"))
    return [
        (str(file.relative_to(folder)), _sha256(file, file.stat().st_size, file.stat().st_mtime_ns)) for file in files
    ]


@cache
def _sha256(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
            unet = unet_class.from_config(_json(located.folder / "unet" / "config.json"))
        config = _json(located.folder / "scheduler" / "scheduler_config.json")
        scheduler = _scheduler(str(config["_class_name"]), sampling).from_config(config)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{located.folder}: its configuration cannot be read: {error}.") from error
    return located.pipeline, unet, scheduler


def _scheduler(own: str, sampling: Sampling) -> Any:
    """The class of the scheduler that a study asks for; `own` is the name of the model's."""
    import diffusers

    return getattr(diffusers, own if sampling.scheduler == "model" else SCHEDULERS[sampling.scheduler])


def pick_device(device: str) -> str:
    """The device that `auto` stands for: CUDA where there is one, else the CPU (MPS only when asked for)."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("compute.device: is cuda, but torch sees no CUDA device here. Use auto or cpu.")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ModelError("compute.device: is mps, but torch sees no MPS device here. Use auto or cpu.")
    return device


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
