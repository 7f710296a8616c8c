"""The conditions under which seeds were measured, and the ways in which a pipeline may differ from them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias, TypedDict

import torch
from pydantic import Field, JsonValue, model_validator
from torch import nn

from seedscope.analysis.select.loaded import active_adapters, digest, patches, tokenizer_digest, tokenizer_of, unwrapped
from seedscope.analysis.select.plain import plain
from seedscope.analysis.select.strict import Strict
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Family, Geometry
from seedscope.pipeline.models.families import family_of

# Stock pipelines: to a type checker, `diffusers.StableDiffusionPipeline` is an empty stand-in without any components.
Pipeline: TypeAlias = Any

# Of the settings of a pipeline, those that shape no picture.
UNSEEN_SETTINGS = {"requires_safety_checker", "add_watermarker"}
# What a text encoder computes beside its tensors; the rest of its configuration is read by other classes.
TEXT_SETTINGS = (
    "hidden_act",
    "hidden_activation",
    "query_pre_attn_scalar",
    "attn_logit_softcapping",
    "feed_forward_proj",
    "layer_norm_eps",
    "layer_norm_epsilon",
    "rms_norm_eps",
    "num_attention_heads",
    "num_heads",
    "num_hidden_layers",
    "num_layers",
    "eos_token_id",
)

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Component(Strict):
    """A part of a pipeline: the name of its class and those settings that its class takes."""

    class_name: str
    config: dict[str, JsonValue]

    @classmethod
    def of(cls, part: Any) -> Self:
        """Describe a scheduler or a model of diffusers, or a text encoder of transformers.

        What its config carries along for other classes is left out. Of a compiled model it is the model itself, of one that
        reads pictures too its texts' part.
        """
        part = unwrapped(part)
        config = part.config if isinstance(part.config, dict) else part.config.to_dict()
        config = {**config, **config.get("text_config", {})}
        names = _defaults(type(part)) if isinstance(part.config, dict) else TEXT_SETTINGS
        known = {name: plain(config[name]) for name in names if name in config}
        return cls(class_name=type(part).__name__, config=known)

    def differences(self, here: Any, name: str) -> Iterator[str]:
        """Yield a sentence for each way in which the part `here`, called `name`, is not this one."""
        here = unwrapped(here)
        if type(here).__name__ != self.class_name:
            yield f"The {name} is a {type(here).__name__}, but the list was made with a {self.class_name}."
            return
        now = Component.of(here)
        # A setting that the other version of diffusers does not have yet, or no more, stands at its default there.
        defaults = _defaults(type(here))
        for key in sorted(self.config.keys() | now.config.keys()):
            then_value, now_value = (side.get(key, defaults.get(key)) for side in (self.config, now.config))
            if then_value != now_value and (then_value or now_value):
                yield f"The {name} has {key} = {now_value!r}, but the list was made with {then_value!r}."


class Named(TypedDict):
    """By what a model is known: see `Model`."""

    id: str
    revision: str | None
    weights: dict[str, str] | None
    family: str


class Model(Strict):
    """The diffusion model: where it came from and what it is. What is null was not recorded, and is not compared."""

    id: str = Field(min_length=1, description="bundled name, folder or hub id")
    revision: str | None = None
    weights: dict[str, Sha256] | None = Field(
        default=None, description="file -> sha256; null where the revision names the weights"
    )
    family: str = Field(min_length=1, description="such as `sd` or `sdxl`")
    pipeline: str = Field(description="class of the diffusers pipeline")
    network: str = Field(description="name of the part that denoises, such as `unet` or `transformer`")
    denoiser: Component = Field(description="that part")
    parts: dict[str, Component] | None = Field(default=None, description="the other networks, by name")
    settings: dict[str, JsonValue] | None = Field(default=None, description="of the pipeline itself")
    digests: dict[str, Sha256] | None = Field(
        default=None,
        description="name of a part -> sha256 of what is loaded: of a network its tensors in the dtype of the list, of a "
        "tokenizer its words and what it makes of them",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_the_first_edition(cls, content: object) -> object:
        """Lists of the format seedscope-golden/1 knew UNets alone, and named them so."""
        if isinstance(content, dict) and "unet" in content:
            content = {**content, "network": "unet", "denoiser": content["unet"]}
            del content["unet"]
        return content

    def loaded_differences(self, pipe: Pipeline, dtype: torch.dtype) -> Iterator[str]:
        """Yield a sentence for each part of the pipeline that computes something else than that of the list."""
        for name, then in {self.network: self.denoiser, **(self.parts or {})}.items():
            here = pipe.components.get(name)
            if here is None:
                yield f"The pipeline has no {name}, but the list was made with one."
            elif settings := list(then.differences(here, name)):
                yield from settings
            elif self.digests is not None and isinstance(here, nn.Module):
                yield from self._network_differences(here, name, dtype, network_of(pipe))
        for name, value in (self.settings or {}).items():
            if (now := plain(pipe.config.get(name))) != value:
                yield f"The pipeline has {name} = {now!r}, but the list was made with {value!r}."
        networks = {self.network, *(self.parts or {})}
        for name in sorted((self.digests or {}).keys() - networks):
            yield from self._tokenizer_differences(pipe.components.get(name), name)

    def _network_differences(self, here: Any, name: str, dtype: torch.dtype, network: Any) -> Iterator[str]:
        if adapters := active_adapters(here):
            yield (
                f"The {name} has an adapter that acts on it ({', '.join(adapters)}), but the list was made without; "
                "`pipe.disable_lora()` or `pipe.unload_lora_weights()` takes a LoRA out."
            )
        if changed := list(patches(here)):
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            yield f"The {name} was changed after it was built, and the list was made without: {', '.join(changed[:3])}{more}."
        elif here.dtype not in (dtype, torch.float32):  # the values of a narrower one tell nothing; a wider one is cast
            if network is not None and here.dtype != network.dtype:  # of that the call's differences tell
                now, then_dtype = dtype_name(here.dtype), dtype_name(dtype)
                yield f"The dtype of the {name} is {now!r}, but the list was made with {then_dtype!r}."
        elif (then := (self.digests or {}).get(name)) and digest(here, dtype) != then:
            yield (
                f"The weights of the {name} are not those of {self.id} that the list was made with: another checkpoint, or "
                "one with a LoRA fused into it, or taken out again, which leaves rounding."
            )

    def _tokenizer_differences(self, here: Any, name: str) -> Iterator[str]:
        if here is None:
            yield f"The pipeline has no {name}, but the list was made with one."
        elif tokenizer_digest(tokenizer_of(here)) != (self.digests or {})[name]:
            yield f"The {name} has other words or settings than that of {self.id} that the list was made with."


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
    empty: Literal["none", "text"] = Field(default="none", description="whether no negative prompt was None or ''")
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    dtype: str = Field(pattern="^(float32|float16|bfloat16)$", description="of the denoising network")
    call: dict[str, JsonValue] = Field(default={}, description="further arguments of the call")
    long_prompts: Literal["cut", "chunks"] = Field(default="cut", description="what became of prompts beyond 77 tokens")
    weighted_prompts: bool = Field(default=False, description="whether `(red:1.4)` in a prompt was a weight")
    prompts: Prompts
    task: str | None = Field(
        default=None, description="what no stock call draws, by its name; null: prompts from noise"
    )

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
        dtype: str | None = None,
        call: dict[str, JsonValue] | None = None,
        task: str | None = None,
    ) -> Self:
        """Describe a pipeline and how it was called.

        Args:
            height, width: pixels; None: the pipeline's own.
            dtype: in which the network runs; None: that of its weights.
        """
        dtype = dtype or dtype_name(network_of(pipe).dtype)
        if height is None or width is None:
            own_height, own_width = own_size(pipe) or (None, None)
            height, width = height or own_height, width or own_width
            if height is None or width is None:
                raise ValueError("the pipeline does not say of what size its pictures are: give height and width")
        return cls(
            model=model_of(pipe, Named(id=id, family=family, revision=revision, weights=weights), dtype),
            scheduler=Component.of(pipe.components["scheduler"]),
            steps=steps,
            guidance_scale=guidance_scale,
            negative_prompt=negative_prompt,
            negative_scale=negative_scale,
            negative_from=negative_from,
            height=height,
            width=width,
            dtype=dtype,
            call=call or {},
            prompts=prompts,
            task=task,
        )

    def no_stock_call(self) -> Iterator[str]:
        """Yield a sentence for each reason for which no call of a stock pipeline draws these pictures."""
        how = "no call of a stock pipeline does that"
        if self.task is not None:
            yield f"The list is of the task {self.task!r}, and draws more than prompts from noise; {how}."
        for name, value, none in (
            ("negative_from", self.negative_from, 0),
            ("negative_scale", self.negative_scale, None),
        ):
            if value != none:
                yield f"The list was made with {name} = {value!r}; {how}. `golden.draw(pipe, prompt)` draws so."

    def pipeline_differences(
        self, pipe: Pipeline, weights: dict[str, str] | None, *, loaded: bool = True
    ) -> Iterator[str]:
        """Yield a sentence for each way in which the pipeline, its parts, scheduler or weights are not these."""
        if type(pipe).__name__ != self.model.pipeline:
            yield f"The pipeline is a {type(pipe).__name__}, but the list was made with a {self.model.pipeline}."
        if self.model.network in pipe.components:
            model = self.model if loaded else self.model.model_copy(update={"digests": None})
            yield from model.loaded_differences(pipe, getattr(torch, self.dtype))
            yield from self.scheduler.differences(pipe.components["scheduler"], "scheduler")
        if weights is not None and self.model.weights is not None and weights != self.model.weights:
            files = sorted(
                file
                for file in weights.keys() | self.model.weights.keys()
                if weights.get(file) != self.model.weights.get(file)
            )
            yield f"The weights in {', '.join(files)} are not those of {self.model.id} that the list was made with."

    def call_differences(self, dtype: torch.dtype, *, steps: object, guidance_scale: float | None) -> Iterator[str]:
        """Yield a sentence for each way in which a call is not this one; None is not compared."""
        family, then = family_of(self.model.pipeline), self.guidance_scale
        same = guidance_scale is None or (
            family is not None and family.same_guidance(guidance_scale, then, self.model.denoiser.config)
        )
        calls: list[tuple[str, object, object]] = [
            (f"dtype of the {self.model.network}", dtype_name(dtype), self.dtype),
            ("number of steps", steps, self.steps),
            ("guidance scale", None if same else guidance_scale, self.guidance_scale),
        ]
        for what, here, of_list in calls:
            if here is not None and here != of_list:
                yield f"The {what} is {here!r}, but the list was made with {of_list!r}."

    def size_differences(self, pipe: Pipeline, height: int | None, width: int | None) -> Iterator[str]:
        """Yield a sentence if the pictures are of another size; in pixels, None for the pipeline's own."""
        own_height, own_width = own_size(pipe) or (self.height, self.width)
        here, then = (height or own_height, width or own_width), (self.height, self.width)
        if here != then:
            yield (
                f"The pictures would be {here[0]} x {here[1]} pixels (height x width), but the list was made for "
                f"{then[0]} x {then[1]}, and at another size the same seed is another picture."
            )


def model_of(pipe: Pipeline, named: Named, dtype: str) -> Model:
    """Describe the model that is loaded in a pipeline, with digests of its tensors in this dtype."""
    name_of_denoiser = family_named(pipe).network
    networks = _networks(pipe)
    tokenizers = {name: part for name, part in pipe.components.items() if hasattr(tokenizer_of(part), "get_vocab")}
    digests = {name: digest(part, getattr(torch, dtype)) for name, part in networks.items()}
    digests |= {name: tokenizer_digest(tokenizer_of(part)) for name, part in tokenizers.items()}
    found = {name: value for name, value in digests.items() if value is not None}
    return Model(
        **named,
        pipeline=type(pipe).__name__,
        network=name_of_denoiser,
        denoiser=Component.of(networks[name_of_denoiser]),
        parts={
            name: Component.of(part) for name, part in (networks | _settings(pipe)).items() if name != name_of_denoiser
        },
        settings={
            name: plain(value)
            for name, value in pipe.config.items()
            if _is_setting(value) and not name.startswith("_") and name not in UNSEEN_SETTINGS
        },
        digests=found if len(found) == len(digests) else None,
    )


def _is_setting(value: object) -> bool:
    """Whether a pipeline's entry is a value, or some numbers, and not the classes of a part."""
    numbers = isinstance(value, list) and all(isinstance(each, int | float) for each in value)
    return numbers or isinstance(value, bool | int | float | str)


def network_of(pipe: Pipeline) -> Any:
    """The part of a pipeline that denoises; none, where it has none, or is of a class that no family draws with."""
    family = family_of(type(pipe).__name__)
    return pipe.components.get("unet" if family is None else family.network)


def _networks(pipe: Pipeline) -> dict[str, nn.Module]:
    unused = family_named(pipe).unused
    return {
        name: part
        for name, part in pipe.components.items()
        if isinstance(unwrapped(part), nn.Module) and name not in unused
    }


def _settings(pipe: Pipeline) -> dict[str, Any]:
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


def geometry_of(pipe: Pipeline) -> Geometry:
    """How large the latents of a pipeline are, and the size that it draws by default.

    Raises:
        ModelError: it is of no family that is known.
    """

    def config(part: str) -> Mapping[str, Any]:
        here: Any = unwrapped(pipe.components.get(part))
        return {} if here is None else here.config if isinstance(here.config, dict) else here.config.to_dict()

    family, kind = family_named(pipe), type(pipe).__name__
    return family.geometry(config, kind, fills_masks=kind in family.inpaints and kind != family.draws)


def own_size(pipe: Pipeline) -> tuple[int, int] | None:
    """Return the height and width, in pixels, that a pipeline draws by default; None where it does not say."""
    return geometry_of(pipe).default_size


def dtype_name(dtype: torch.dtype) -> str:
    """Return `float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")


def _defaults(part: type) -> dict[str, JsonValue]:
    """Return the settings of a diffusers class with their defaults."""
    parameters = inspect.signature(part).parameters.values()
    return {each.name: None if each.default is each.empty else plain(each.default) for each in parameters}
