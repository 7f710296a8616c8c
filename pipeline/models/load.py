"""Load a diffusion model with the scheduler of a study."""

from collections.abc import Sequence
from typing import Any

import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.adapters import add_adapters, bare_part
from seedscope.pipeline.models.attention import set_attention
from seedscope.pipeline.models.base import Drawer
from seedscope.pipeline.models.configuration import MALFORMED, malformed, read_json
from seedscope.pipeline.models.device import memory_ran_out, pick_device
from seedscope.pipeline.models.families.generic import Generic
from seedscope.pipeline.models.libraries import quiet
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.other_vae import load_vae
from seedscope.pipeline.models.prepared import placed, refuse_offload, set_autoencoder
from seedscope.pipeline.models.quantized import of_pipeline, settings_of
from seedscope.pipeline.models.schedulers import (
    refuse_noise_from_elsewhere,
    refuse_what_cannot_draw,
    scheduler_class,
    study_scheduler,
)
from seedscope.pipeline.models.single_file import load_part, refuse_misfit
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.models.stock_arguments import text_options
from seedscope.pipeline.models.texts import KeptTexts
from seedscope.pipeline.study.scheduler_names import OWN
from seedscope.pipeline.study.schema import Compute, Json, Sampling


def architecture(located: Located, sampling: Sampling) -> tuple[str, Any, Any]:
    """What a study draws with, without weights: name of the pipeline's class, the network on the meta device, the scheduler.

    Both are as the stock pipeline has them, which corrects settings of old versions.

    Raises:
        ModelError: the folder's configuration is not one that diffusers understands.
    """
    own = own_scheduler(located)
    try:
        network, own = located.family.bare(located.folder, located.pipeline, own)
        scheduler = study_scheduler(own, located.name, sampling)
    except (ImportError, *MALFORMED) as error:
        raise ModelError(malformed(str(located.folder), error)) from error
    return located.pipeline, network, scheduler


def own_scheduler(located: Located) -> Any:
    """The scheduler of the model's folder, as its own class builds it.

    Raises:
        ModelError: the folder's configuration is not one that diffusers understands.
    """
    try:
        config = read_json(located.folder / "scheduler" / "scheduler_config.json")
        return scheduler_class(_own_scheduler(located)).from_config(config)
    except (ImportError, *MALFORMED) as error:
        raise ModelError(malformed(str(located.folder), error)) from error


def _own_scheduler(located: Located) -> str:
    """The class of the model's scheduler: diffusers goes by the index."""
    try:
        return str(read_json(located.folder / "model_index.json")["scheduler"][1])
    except MALFORMED as error:
        raise ModelError(malformed(str(located.folder), error)) from error


def load(located: Located, variant: str | None, sampling: Sampling, compute: Compute) -> Drawer:
    """Load a model with the scheduler of a study. Slow; once a worker.

    Raises:
        ModelError: weights that cannot be loaded, are not all there, or are of another base, or a scheduler that cannot draw
            what the study asks.
    """
    family, device = located.family, pick_device(compute.device)
    refuse_offload(compute, device)
    refuse_misfits(located)
    if isinstance(family, Generic):
        pipe = stock_pipeline(located, variant, sampling, compute)
        return family.drawer(_ready(located, pipe, compute, device), device, sampling, compute)
    if not isinstance(family, StockFamily):
        pipe = stock_pipeline(located, variant, sampling, compute)
        refuse_what_cannot_draw(pipe.scheduler, sampling)
        return family.drawer(_ready(located, pipe, compute, device), device, sampling, compute)
    pipe = stock_pipeline(located, variant, sampling, compute, without=family.encoders)
    refuse_noise_from_elsewhere(type(pipe), pipe.scheduler, sampling)
    others = [name for name in family.parts(pipe) if name not in family.encoders]

    def encoders() -> Any:
        alone = stock_pipeline(located, variant, sampling, compute, without=others)
        alone = _on_device(located, alone, compute, device)
        # Some pipelines ask the network's configuration of what width a text is.
        network, _ = family.bare(located.folder, located.pipeline, alone.scheduler)
        # As of any module: that of diffusers' own class warns of parts that are to stay in float32.
        setattr(alone, family.network, torch.nn.Module.to(network, getattr(torch, compute.dtype)))
        return alone

    options = text_options(sampling.arguments)
    made_by: Json = [located.identity_of_texts(), compute.dtype, device]
    texts = KeptTexts(family, device, options, made_by, encoders)
    return family.drawer(_ready(located, pipe, compute, device), device, sampling, compute, texts)


def refuse_misfits(located: Located) -> None:
    """Refuse a single file whose tensors are not those that its settings ask for.

    Raises:
        ModelError: a sentence.
    """
    pieces, folder = located.pieces, located.folder
    try:
        index = located.index
        single = [(pieces.file, part, "model.file") for part in pieces.in_file if index[part][0] == "diffusers"]
        if pieces.vae is not None and pieces.vae.is_file:
            single.append((pieces.vae.place, "vae", "model.vae"))
        for file, part, key in single:
            if file is not None:
                refuse_misfit(file, part, bare_part(folder, index, part), key)
    except MALFORMED as error:
        raise ModelError(malformed(str(folder), error)) from error


def _ready(located: Located, pipe: Any, compute: Compute, device: str) -> Any:
    """The pipeline on its device, with the memory and the attention that the study wants."""
    for part in (located.family.network, *located.family.further):
        if pipe.components.get(part) is not None:
            set_attention(pipe, part, compute)
    set_autoencoder(pipe, compute)
    return _on_device(located, pipe, compute, device)


def _on_device(located: Located, pipe: Any, compute: Compute, device: str) -> Any:
    try:
        return placed(pipe, compute, device)
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
    fuse: bool | None = None,
) -> Any:
    """The stock pipeline of diffusers with its weights and adapters, on the CPU, and with the scheduler of a study.

    Args:
        download: whether weights of a hub id that are not here are fetched.
        without: parts that are not loaded.
        fuse: whether adapters are added to the weights; None: as the study says.

    Raises:
        ModelError: as for `load`.
    """
    if sampling.wanted[0] == OWN:
        scheduler_class(_own_scheduler(located))
    pieces = located.pieces
    try:
        pipe = _pipeline(located, variant, compute, download=download, without=without)
        with quiet():
            add_adapters(pipe, pieces.adapters, located.folder, fuse=pieces.fuse if fuse is None else fuse)
    except ModelError:
        raise
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

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no types
    kind, dtype, pieces = getattr(diffusers, located.pipeline), getattr(torch, compute.dtype), located.pieces
    wanted = [part for part in pieces.in_file if part not in without]
    texts = [part for part in wanted if part not in (located.family.network, "vae")]
    source = {"pretrained_model_name_or_path": located.hub or str(located.folder)}
    if located.hub:
        source["revision"] = located.folder.name
    pipe = kind.from_pretrained(
        **source,
        dtype=dtype,
        use_safetensors=True,
        variant=variant,
        local_files_only=not download,
        # Of parts that the folder leaves out diffusers wants to be told so, if they are not optional to the class.
        **dict.fromkeys([*without, *texts, *_left_out(located)])
        | dict(located.family.options)
        | _elsewhere(located, dtype, [part for part in wanted if part not in texts], without, download=download),
        **of_pipeline(pieces.quantization, _quantized(located, [*without, *wanted])),
    )
    if not texts:
        return pipe
    others = {name: part for name, part in pipe.components.items() if name not in texts} | dict(located.family.options)
    pipe = kind.from_single_file(
        str(pieces.file), config=str(located.folder), dtype=dtype, local_files_only=True, **others
    )
    for name in texts:
        # Of a T5, whose words a file has once, diffusers leaves the second place empty, and lets it drop values as in training.
        getattr(pipe, name).tie_weights()
        getattr(pipe, name).eval()
    return pipe


def _elsewhere(
    located: Located, dtype: torch.dtype, in_file: Sequence[str], without: Sequence[str], *, download: bool
) -> dict[str, Any]:
    """Networks that are not those of the folder, loaded."""
    pieces, found = located.pieces, dict[str, Any]()
    quantized = _quantized(located, without)
    for part in in_file:
        if pieces.file is not None:
            narrower = pieces.quantization if part in quantized else None
            settings = None if narrower is None else settings_of(narrower, quantized[part])
            found[part] = load_part(pieces.file, located.folder, part, dtype, settings)
    if pieces.vae is not None and "vae" not in without:
        found["vae"] = load_vae(pieces.vae, located.folder, dtype, download=download)
    return found


def _quantized(located: Located, without: Sequence[str]) -> dict[str, str]:
    """Part -> library, of those that are loaded in fewer bits."""
    wanted = located.pieces.quantization
    if wanted is None:
        return {}
    index = located.index
    parts = wanted.parts or [located.family.network]
    return {part: str(index[part][0]) for part in parts if part not in without}


def _left_out(located: Located) -> list[str]:
    return [name for name, value in located.index.items() if value == [None, None]]


def _cannot_be_loaded(located: Located, error: Exception) -> ModelError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"{located.name}: cannot be loaded: {reason}")
