"""A part of a pipeline in words: its class, and those settings that shape pictures."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Self

import torch
from pydantic import JsonValue

from seedscope.analysis.select.loaded import unwrapped
from seedscope.analysis.select.plain import plain
from seedscope.analysis.select.strict import Strict

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


def dtype_name(dtype: torch.dtype) -> str:
    """Return `float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")


def _defaults(part: type) -> dict[str, JsonValue]:
    """Return the settings of a diffusers class with their defaults."""
    parameters = inspect.signature(part).parameters.values()
    return {each.name: None if each.default is each.empty else plain(each.default) for each in parameters}
