"""The conditions under which seeds were measured, and the ways in which a pipeline may differ from them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Annotated, Any, Self, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue

# Stock pipelines: to a type checker, `diffusers.StableDiffusionPipeline` is an empty stand-in without any components.
Pipeline: TypeAlias = Any

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Base of everything in a golden list: unknown keys are errors, values do not change, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Component(Strict):
    """A part of a pipeline: the name of its class and those settings that its class takes."""

    class_name: str
    config: dict[str, JsonValue]

    @classmethod
    def of(cls, part: Any) -> Self:
        """Describe a diffusers scheduler or model. What its config carries along for other classes is left out."""
        config = dict(part.config)
        known = {name: _plain(config[name]) for name in _defaults(type(part)) if name in config}
        return cls(class_name=type(part).__name__, config=known)

    def differences(self, here: Any, name: str) -> Iterator[str]:
        """Yield a sentence for each way in which the part `here`, called `name`, is not this one."""
        now = Component.of(here)
        if now.class_name != self.class_name:
            yield f"The {name} is a {now.class_name}, but the list was made with a {self.class_name}."
            return
        # A setting that the other version of diffusers does not have yet, or no more, stands at its default there.
        defaults = _defaults(type(here))
        for key in sorted(self.config.keys() | now.config.keys()):
            then_value, now_value = (side.get(key, defaults.get(key)) for side in (self.config, now.config))
            if then_value != now_value and (then_value or now_value):
                yield f"The {name} has {key} = {now_value!r}, but the list was made with {then_value!r}."


class Model(Strict):
    """The diffusion model: where it came from and what it is."""

    id: str = Field(min_length=1, description="bundled name, folder or hub id")
    revision: str | None = None
    weights: dict[str, Sha256] | None = Field(
        default=None, description="file -> sha256; null where the revision names the weights"
    )
    family: str = Field(min_length=1, description="such as `sd` or `sdxl`")
    pipeline: str = Field(description="class of the diffusers pipeline")
    unet: Component


class Prompts(Strict):
    """The prompts on which the seeds were measured."""

    count: int = Field(ge=1)
    sha256: Sha256 = Field(description="of the source")


class Conditions(Strict):
    """What was drawn, with which model, how. Height and width in pixels."""

    model: Model
    scheduler: Component
    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    negative_prompt: str = ""
    negative_scale: float | None = Field(default=None, description="null: the negative prompt acts as in diffusers")
    negative_from: int = Field(default=0, ge=0, description="first step at which the negative prompt acts")
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    dtype: str = Field(description="of the denoising network, such as `float32`")
    prompts: Prompts

    @classmethod
    def of(
        cls,
        pipe: Pipeline,
        *,
        id: str,
        family: str,
        steps: int,
        guidance_scale: float,
        prompts: Prompts,
        revision: str | None = None,
        weights: dict[str, str] | None = None,
        negative_prompt: str = "",
        negative_scale: float | None = None,
        negative_from: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> Self:
        """Describe a pipeline and how it was called; height and width in pixels, None for the pipeline's own."""
        own_height, own_width = own_size(pipe)
        unet, scheduler = pipe.components["unet"], pipe.components["scheduler"]
        return cls(
            model=Model(
                id=id,
                revision=revision,
                weights=weights,
                family=family,
                pipeline=type(pipe).__name__,
                unet=Component.of(unet),
            ),
            scheduler=Component.of(scheduler),
            steps=steps,
            guidance_scale=guidance_scale,
            negative_prompt=negative_prompt,
            negative_scale=negative_scale,
            negative_from=negative_from,
            height=height or own_height,
            width=width or own_width,
            dtype=dtype_name(unet.dtype),
            prompts=prompts,
        )

    def pipeline_differences(self, pipe: Pipeline, weights: dict[str, str] | None) -> Iterator[str]:
        """Yield a sentence for each way in which the pipeline, its network, scheduler or weights are not these."""
        if type(pipe).__name__ != self.model.pipeline:
            yield f"The pipeline is a {type(pipe).__name__}, but the list was made with a {self.model.pipeline}."
        if "unet" in pipe.components:
            yield from self.model.unet.differences(pipe.components["unet"], "unet")
            yield from self.scheduler.differences(pipe.components["scheduler"], "scheduler")
        if weights is not None and self.model.weights is not None and weights != self.model.weights:
            files = sorted(
                file
                for file in weights.keys() | self.model.weights.keys()
                if weights.get(file) != self.model.weights.get(file)
            )
            yield f"The weights in {', '.join(files)} are not those of {self.model.id} that the list was made with."

    def call_differences(
        self,
        dtype: torch.dtype,
        *,
        steps: int | None,
        guidance_scale: float | None,
        negative_prompt: str | None,
    ) -> Iterator[str]:
        """Yield a sentence for each way in which a call is not this one; None is not compared."""
        calls: list[tuple[str, object, object]] = [
            ("dtype of the unet", dtype_name(dtype), self.dtype),
            ("number of steps", steps, self.steps),
            ("guidance scale", guidance_scale, self.guidance_scale),
            ("negative prompt", negative_prompt, self.negative_prompt),
        ]
        for what, here, then in calls:
            if here is not None and here != then:
                yield f"The {what} is {here!r}, but the list was made with {then!r}."

    def size_differences(self, pipe: Pipeline, height: int | None, width: int | None) -> Iterator[str]:
        """Yield a sentence if the pictures are of another size; in pixels, None for the pipeline's own."""
        own_height, own_width = own_size(pipe)
        here, then = (height or own_height, width or own_width), (self.height, self.width)
        if here != then:
            yield (
                f"The pictures would be {here[0]} x {here[1]} pixels (height x width), but the list was made for "
                f"{then[0]} x {then[1]}, and at another size the same seed is another picture."
            )


def own_size(pipe: Pipeline) -> tuple[int, int]:
    """Return the height and width, in pixels, that a pipeline draws by default."""
    size = pipe.components["unet"].config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return height * _latent_scale(pipe), width * _latent_scale(pipe)


def latent_shape(pipe: Pipeline, height: int, width: int) -> tuple[int, int, int]:
    """Return the (C, h, w) of the latents with which a pipeline starts pictures of `height` x `width` pixels."""
    scale = _latent_scale(pipe)
    return pipe.components["vae"].config.latent_channels, height // scale, width // scale


def dtype_name(dtype: torch.dtype) -> str:
    """Return `float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")


def _latent_scale(pipe: Pipeline) -> int:
    """Pixels for each latent cell: the autoencoder halves the picture between its levels."""
    levels = len(pipe.components["vae"].config.block_out_channels)
    return 1 << (levels - 1)


def _defaults(part: type) -> dict[str, JsonValue]:
    """Return the settings of a diffusers class with their defaults."""
    parameters = inspect.signature(part).parameters.values()
    return {each.name: None if each.default is each.empty else _plain(each.default) for each in parameters}


def _plain(value: object) -> JsonValue:
    """Turn a setting into what JSON gives back for it: lists for tuples and arrays."""
    plain: JsonValue = json.loads(json.dumps(value, default=lambda other: getattr(other, "tolist", other.__repr__)()))
    return plain
