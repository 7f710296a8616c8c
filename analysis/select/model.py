"""The model of a golden list: where it came from, what was loaded of it, and how another pipeline differs from that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import torch
from pydantic import Field, JsonValue, model_validator
from torch import nn

from seedscope.analysis.select.adapters import Adapter, active_adapters, adapter_differences, adapters_of
from seedscope.analysis.select.component import Component, dtype_name
from seedscope.analysis.select.loaded import digest, tokenizer_digest, tokenizer_of, unwrapped
from seedscope.analysis.select.patches import in_tiles, patches
from seedscope.analysis.select.plain import plain
from seedscope.analysis.select.stock_parts import Pipeline, family_named, network_of, networks_of, settings_of
from seedscope.analysis.select.strict import Strict
from seedscope.pipeline.models.families import family_of

# Of the settings of a pipeline, those that shape no picture.
UNSEEN_SETTINGS = {"requires_safety_checker", "add_watermarker"}

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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
    adapters: dict[str, list[Adapter]] = Field(
        default={}, description="name of a part -> the adapters, such as LoRAs, that act on it, in their order"
    )
    fused: dict[str, Sha256] = Field(
        default={}, description="name of a part -> sha256 of its tensors once those adapters are added to them"
    )
    changes: dict[str, list[str]] = Field(
        default={}, description="name of a part -> how it differs from what its configuration builds, such as by tiling"
    )
    dtypes: dict[str, str] = Field(default={}, description="name of a part -> its dtype, where that is not the list's")

    @model_validator(mode="before")
    @classmethod
    def _of_the_first_edition(cls, content: object) -> object:
        """Lists of the format seedscope-golden/1 knew UNets alone, and named them so."""
        if isinstance(content, dict) and "unet" in content:
            content = {**content, "network": "unet", "denoiser": content["unet"]}
            del content["unet"]
        return content

    def loaded_differences(self, pipe: Pipeline, dtype: torch.dtype, size: tuple[int, int]) -> Iterator[str]:
        """Yield a sentence for each part of the pipeline that computes something else than that of the list.

        Args:
            size: (height, width) of the pictures, pixels.
        """
        for name, then in {self.network: self.denoiser, **(self.parts or {})}.items():
            here = pipe.components.get(name)
            if here is None:
                yield f"The pipeline has no {name}, but the list was made with one."
            elif settings := list(then.differences(here, name)):
                yield from settings
            elif self.digests is not None and isinstance(here, nn.Module):
                yield from self._network_differences(here, name, dtype, network_of(pipe), size)
        for name, value in (self.settings or {}).items():
            if (now := plain(pipe.config.get(name))) != value:
                yield f"The pipeline has {name} = {now!r}, but the list was made with {value!r}."
        networks = {self.network, *(self.parts or {})}
        for name in sorted((self.digests or {}).keys() - networks):
            yield from self._tokenizer_differences(pipe.components.get(name), name)

    def _network_differences(
        self, here: Any, name: str, dtype: torch.dtype, network: Any, size: tuple[int, int]
    ) -> Iterator[str]:
        yield from self._adapter_differences(here, name, dtype)
        then_dtype = self.dtypes.get(name, dtype_name(dtype))
        narrower = here.dtype not in (dtype, torch.float32)  # its values tell nothing; those of a wider one are cast
        apart = name in self.dtypes
        if changed := list(self._change_differences(here, name, size)):
            yield from changed
        elif dtype_name(here.dtype) != then_dtype if apart else narrower:
            if apart or (network is not None and here.dtype != network.dtype):
                # Of the network's own dtype the call's differences tell.
                yield f"The dtype of the {name} is {dtype_name(here.dtype)!r}, but the list was made with {then_dtype!r}."
        elif name in (self.digests or {}):
            yield from self._weight_differences(here, name, dtype)

    def _adapter_differences(self, here: Any, name: str, dtype: torch.dtype) -> Iterator[str]:
        """Of a part whose adapters were fused its weights tell."""
        then, names = self.adapters.get(name, []), active_adapters(here)
        if names and not then:
            yield (
                f"The {name} has an adapter that acts on it ({', '.join(names)}), but the list was made without; "
                "`pipe.disable_lora()` or `pipe.unload_lora_weights()` takes a LoRA out."
            )
        elif names:
            yield from adapter_differences(name, adapters_of(here, dtype), then)

    def _change_differences(self, here: Any, name: str, size: tuple[int, int]) -> Iterator[str]:
        idle = set() if in_tiles(here, size) else {f"{type(unwrapped(here)).__name__} has use_tiling = True"}
        now, then = (
            [change for change in changes if change not in idle]
            for changes in (patches(here), self.changes.get(name, []))
        )
        if new := [change for change in now if change not in then]:
            more = f" and {len(new) - 3} more" if len(new) > 3 else ""
            yield f"The {name} was changed after it was built, and the list was made without: {', '.join(new[:3])}{more}."
        if gone := [change for change in then if change not in now]:
            more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
            yield f"The list was made with a {name} that was changed after it was built: {', '.join(gone[:3])}{more}."

    def _weight_differences(self, here: Any, name: str, dtype: torch.dtype) -> Iterator[str]:
        plain, now = (self.digests or {})[name], digest(here, dtype)
        if not self.adapters.get(name) or active_adapters(here):
            if now != plain:
                yield (
                    f"The weights of the {name} are not those of {self.id} that the list was made with: another checkpoint, or "
                    "one with a LoRA fused into it, or taken out again, which leaves rounding."
                )
        elif now == plain:
            count = len(self.adapters[name])
            what = f"{count} LoRAs" if count > 1 else "a LoRA"
            yield f"The {name} has no LoRA, but the list was made with {what}: load the same, with the same weights."
        elif now != self.fused.get(name):
            yield (
                f"The weights of the {name} are neither those of {self.id}, nor those with the list's LoRAs fused into them "
                "with the same weights and order."
            )

    def _tokenizer_differences(self, here: Any, name: str) -> Iterator[str]:
        if here is None:
            yield f"The pipeline has no {name}, but the list was made with one."
        elif tokenizer_digest(tokenizer_of(here), _pads(self.pipeline)) != (self.digests or {})[name]:
            yield f"The {name} has other words or settings than that of {self.id} that the list was made with."


def model_of(pipe: Pipeline, named: Named, dtype: str) -> Model:
    """Describe the model that is loaded in a pipeline, with digests of its tensors in this dtype."""
    name_of_denoiser = family_named(pipe).network
    networks = networks_of(pipe)
    tokenizers = {name: part for name, part in pipe.components.items() if hasattr(tokenizer_of(part), "get_vocab")}
    digests = {name: digest(part, getattr(torch, dtype)) for name, part in networks.items()}
    digests |= {
        name: tokenizer_digest(tokenizer_of(part), _pads(type(pipe).__name__)) for name, part in tokenizers.items()
    }
    adapters = {name: acting for name, part in networks.items() if (acting := adapters_of(part, getattr(torch, dtype)))}
    fused = {name: digest(networks[name], getattr(torch, dtype), fused=True) for name in adapters}
    found = {name: value for name, value in digests.items() if value is not None}
    return Model(
        **named,
        pipeline=type(pipe).__name__,
        network=name_of_denoiser,
        denoiser=Component.of(networks[name_of_denoiser]),
        parts={
            name: Component.of(part)
            for name, part in (networks | settings_of(pipe)).items()
            if name != name_of_denoiser
        },
        settings={
            name: plain(value)
            for name, value in pipe.config.items()
            if _is_setting(value) and not name.startswith("_") and name not in UNSEEN_SETTINGS
        },
        digests=found if len(found) == len(digests) else None,
        adapters=adapters,
        fused={name: sha256 for name, sha256 in fused.items() if sha256 is not None},
        changes={name: changes for name, part in networks.items() if (changes := list(patches(part)))},
        dtypes={name: now for name, part in networks.items() if (now := dtype_name(unwrapped(part).dtype)) != dtype},
    )


def _pads(pipeline: str) -> str | None:
    family = family_of(pipeline)
    return None if family is None else family.pads


def _is_setting(value: object) -> bool:
    """Whether a pipeline's entry is a value, or some numbers, and not the classes of a part."""
    numbers = isinstance(value, list) and all(isinstance(each, int | float) for each in value)
    return numbers or isinstance(value, bool | int | float | str)
