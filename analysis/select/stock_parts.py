"""The parts of a stock pipeline, as its family has them: networks, settings, and of what size its pictures are."""

from __future__ import annotations

from typing import Any, TypeAlias

from torch import nn

from seedscope.analysis.select.loaded import unwrapped
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Family, Geometry
from seedscope.pipeline.models.families import family_of
from seedscope.pipeline.models.settings import Settings

# Stock pipelines: to a type checker, `diffusers.StableDiffusionPipeline` is an empty stand-in without any components.
Pipeline: TypeAlias = Any


def network_of(pipe: Pipeline) -> Any:
    """The part of a pipeline that denoises; none, where it has none, or is of a class that no family draws with."""
    family = family_of(type(pipe).__name__)
    return pipe.components.get("unet" if family is None else family.network)


def denoisers_of(pipe: Pipeline, kind: str, network: str) -> dict[str, Any]:
    """All parts of a pipeline that denoise in one of the class `kind`: `network`, and what may stand beside it."""
    family = family_of(kind)
    names = (network, *(() if family is None else family.further))
    return {name: part for name in names if (part := pipe.components.get(name)) is not None}


def networks_of(pipe: Pipeline) -> dict[str, nn.Module]:
    unused = family_named(pipe).unused
    return {
        name: part
        for name, part in pipe.components.items()
        if isinstance(unwrapped(part), nn.Module) and name not in unused
    }


def settings_of(pipe: Pipeline) -> dict[str, Any]:
    """Parts that have settings alone, beside the scheduler: guiders, and schedulers of pipelines that are made of several."""
    return {
        name: part
        for name, part in pipe.components.items()
        if hasattr(part, "save_config") and not isinstance(unwrapped(part), nn.Module) and name != "scheduler"
    }


def family_named(pipe: Pipeline) -> Family:
    """The family of a pipeline.

    Raises:
        ModelError: it is of no family that is known.
    """
    family = family_of(type(pipe).__name__)
    if family is None:
        raise ModelError(f"A {type(pipe).__name__} is of no family of models that is known.")
    return family


def configs_of(pipe: Pipeline) -> Configs:
    """The configurations of a pipeline's parts."""

    def config(part: str) -> Settings:
        here: Any = unwrapped(pipe.components.get(part)) if part else pipe
        said = {} if here is None else here.config if isinstance(here.config, dict) else here.config.to_dict()
        return Settings(said)

    return config


def geometry_of(pipe: Pipeline) -> Geometry:
    """How large the latents of a pipeline are, and the size that it draws by default.

    Raises:
        ModelError: it is of no family that is known.
    """
    family, kind = family_named(pipe), type(pipe).__name__
    return family.geometry(configs_of(pipe), kind, fills_masks=kind in family.inpaints and kind != family.draws)


def own_size(pipe: Pipeline) -> tuple[int, int] | None:
    """Return the height and width, in pixels, that a pipeline draws by default; None where it does not say."""
    return geometry_of(pipe).default_size
