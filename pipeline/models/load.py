"""Load a diffusion model with the scheduler of a study."""

from typing import Any

import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Denoiser
from seedscope.pipeline.models.configuration import MALFORMED, malformed, read_json
from seedscope.pipeline.models.device import pick_device
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.schema import Compute, Sampling

SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}


def architecture(located: Located, sampling: Sampling) -> tuple[str, Any, Any]:
    """What a study draws with, without weights: name of the pipeline's class, the network on the meta device, the scheduler.

    Raises:
        ModelError: the folder's configuration is not one that diffusers understands.
    """
    try:
        with torch.device("meta"):
            network = located.family.network(located.folder)
        config = read_json(located.folder / "scheduler" / "scheduler_config.json")
        scheduler = _scheduler(str(config["_class_name"]), sampling).from_config(config)
    except MALFORMED as error:
        raise ModelError(malformed(str(located.folder), error)) from error
    return located.pipeline, network, scheduler


def _scheduler(own: str, sampling: Sampling) -> Any:
    """The class of the scheduler that a study asks for; `own` is the name of the model's."""
    import diffusers

    return getattr(diffusers, own if sampling.scheduler == "model" else SCHEDULERS[sampling.scheduler])


def load(located: Located, variant: str | None, sampling: Sampling, compute: Compute) -> Denoiser:
    """Load a model with the scheduler of a study. Slow; once a worker.

    Raises:
        ModelError: weights that cannot be loaded, or are not all there.
    """
    device = pick_device(compute.device)
    pipe = stock_pipeline(located, variant, sampling, compute)
    pipe.to(device)
    return located.family.denoiser(pipe, device, compute)


def stock_pipeline(
    located: Located, variant: str | None, sampling: Sampling, compute: Compute, *, download: bool = True
) -> Any:
    """The stock pipeline of diffusers with its weights, on the CPU, and with the scheduler of a study.

    Args:
        download: whether weights of a hub id that are not here are fetched.

    Raises:
        ModelError: as for `load`.
    """
    pipe = _pipeline(located, variant, compute, download=download)
    if sampling.scheduler != "model":
        pipe.scheduler = _scheduler("", sampling).from_config(pipe.scheduler.config)
    return pipe


def _pipeline(located: Located, variant: str | None, compute: Compute, *, download: bool) -> Any:
    import diffusers
    import transformers

    source = {"pretrained_model_name_or_path": located.hub or str(located.folder)}
    if located.hub:
        source["revision"] = located.folder.name
    try:
        diffusers.utils.logging.disable_progress_bar()
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no types
        return getattr(diffusers, located.pipeline).from_pretrained(
            **source,
            dtype=getattr(torch, compute.dtype),
            use_safetensors=True,
            variant=variant,
            local_files_only=not download,
            **located.family.options,
        )
    except (OSError, *MALFORMED) as error:
        # diffusers and safetensors raise all of these for missing, cut-off or mismatched files.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{located.hub or located.folder}: cannot be loaded: {reason}") from error
