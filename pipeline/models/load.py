"""Load a diffusion model with the scheduler of a study."""

from collections.abc import Sequence
from typing import Any

import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Drawer
from seedscope.pipeline.models.configuration import MALFORMED, malformed, read_json
from seedscope.pipeline.models.device import memory_ran_out, pick_device
from seedscope.pipeline.models.families.generic import Generic
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.schedulers import (
    refuse_noise_from_elsewhere,
    refuse_what_cannot_draw,
    scheduler_class,
    study_scheduler,
)
from seedscope.pipeline.models.stock import StockFamily, text_options
from seedscope.pipeline.models.texts import KeptTexts
from seedscope.pipeline.study.scheduler_names import OWN
from seedscope.pipeline.study.schema import Compute, Sampling


def architecture(located: Located, sampling: Sampling) -> tuple[str, Any, Any]:
    """What a study draws with, without weights: name of the pipeline's class, the network on the meta device, the scheduler.

    Both are as the stock pipeline has them, which corrects settings of old versions.

    Raises:
        ModelError: the folder's configuration is not one that diffusers understands.
    """
    try:
        config = read_json(located.folder / "scheduler" / "scheduler_config.json")
        own = scheduler_class(_own_scheduler(located)).from_config(config)
        network, own = located.family.bare(located.folder, located.pipeline, own)
        scheduler = study_scheduler(own, located.name, sampling)
    except (ImportError, *MALFORMED) as error:
        raise ModelError(malformed(str(located.folder), error)) from error
    return located.pipeline, network, scheduler


def _own_scheduler(located: Located) -> str:
    """The class of the model's scheduler: diffusers goes by the index."""
    try:
        return str(read_json(located.folder / "model_index.json")["scheduler"][1])
    except MALFORMED as error:
        raise ModelError(malformed(str(located.folder), error)) from error


def load(located: Located, variant: str | None, sampling: Sampling, compute: Compute) -> Drawer:
    """Load a model with the scheduler of a study. Slow; once a worker.

    Raises:
        ModelError: weights that cannot be loaded, or are not all there, or a scheduler that cannot draw what the study asks.
    """
    family, device = located.family, pick_device(compute.device)
    if isinstance(family, Generic):
        return family.drawer(
            _on_device(located, stock_pipeline(located, variant, sampling, compute), device), device, sampling, compute
        )
    if not isinstance(family, StockFamily):
        pipe = _on_device(located, stock_pipeline(located, variant, sampling, compute), device)
        refuse_what_cannot_draw(pipe.scheduler, sampling)
        return family.drawer(pipe, device, sampling, compute)
    pipe = stock_pipeline(located, variant, sampling, compute, without=family.encoders)
    refuse_noise_from_elsewhere(pipe, sampling)
    others = [name for name in family.parts(pipe) if name not in family.encoders]

    def encoders() -> Any:
        alone = _on_device(located, stock_pipeline(located, variant, sampling, compute, without=others), device)
        # Some pipelines ask the network's configuration of what width a text is.
        network, _ = family.bare(located.folder, located.pipeline, alone.scheduler)
        # As of any module: that of diffusers' own class warns of parts that are to stay in float32.
        setattr(alone, family.network, torch.nn.Module.to(network, getattr(torch, compute.dtype)))
        return alone

    options = text_options(sampling.arguments)
    texts = KeptTexts(family, device, options, [located.identity, compute.dtype, device], encoders)
    return family.drawer(_on_device(located, pipe, device), device, sampling, compute, texts)


def _on_device(located: Located, pipe: Any, device: str) -> Any:
    try:
        return pipe.to(device)
    except Exception as error:
        if memory_ran_out(error):
            raise
        raise _cannot_be_loaded(located, error) from error


def stock_pipeline(
    located: Located,
    variant: str | None,
    sampling: Sampling,
    compute: Compute,
    *,
    download: bool = True,
    without: Sequence[str] = (),
) -> Any:
    """The stock pipeline of diffusers with its weights, on the CPU, and with the scheduler of a study.

    Args:
        download: whether weights of a hub id that are not here are fetched.
        without: parts that are not loaded.

    Raises:
        ModelError: as for `load`.
    """
    if sampling.wanted[0] == OWN:
        scheduler_class(_own_scheduler(located))
    try:
        pipe = _pipeline(located, variant, compute, download=download, without=without)
    except Exception as error:
        if memory_ran_out(error):
            raise
        # Whatever diffusers, transformers, safetensors and quantisers raise for missing, cut-off or mismatched files, and for
        # libraries that are not installed.
        raise _cannot_be_loaded(located, error) from error
    pipe.scheduler = study_scheduler(pipe.scheduler, located.name, sampling)
    return pipe


def _pipeline(
    located: Located, variant: str | None, compute: Compute, *, download: bool, without: Sequence[str]
) -> Any:
    import diffusers
    import transformers

    source = {"pretrained_model_name_or_path": located.hub or str(located.folder)}
    if located.hub:
        source["revision"] = located.folder.name
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no types
    return getattr(diffusers, located.pipeline).from_pretrained(
        **source,
        dtype=getattr(torch, compute.dtype),
        use_safetensors=True,
        variant=variant,
        local_files_only=not download,
        # Of parts that the folder leaves out diffusers wants to be told so, if they are not optional to the class.
        **{**dict.fromkeys([*without, *_left_out(located)]), **located.family.options},
    )


def _left_out(located: Located) -> list[str]:
    index = read_json(located.folder / "model_index.json")
    return [name for name, value in index.items() if value == [None, None]]


def _cannot_be_loaded(located: Located, error: Exception) -> ModelError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"{located.name}: cannot be loaded: {reason}")
