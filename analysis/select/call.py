"""The ways in which a call of a stock pipeline may differ from the one whose pictures a golden list stands for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from seedscope.analysis.select.plain import plain
from seedscope.pipeline.models.families import family_of
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Guidance

if TYPE_CHECKING:
    from seedscope.analysis.select.conditions import Conditions

Pipeline: TypeAlias = Any

FREE: Final = frozenset(
    {
        "prompt",
        "num_images_per_prompt",
        "num_videos_per_prompt",
        "generator",
        "latents",
        "output_type",
        "return_dict",
        "callback_on_step_end_tensor_inputs",
    }
)
"""Arguments that golden seeds are there to be used with: any prompt, their own noise, any form of the result."""
TENSORS: Final = ("prompt_embeds", "prompt_embeds_2", "prompt_attention_mask", "prompt_embeds_mask")
"""Endings of arguments that stand for a text, which the positive prompt is free to be."""
_ONLY_GUIDED: Final = frozenset(
    {
        "guidance_rescale",
        "negative_prompt",
        "negative_prompt_2",
        "negative_prompt_embeds",
        "negative_pooled_prompt_embeds",
        "negative_original_size",
        "negative_target_size",
        "negative_crops_coords_top_left",
    }
)


def call_differences(
    conditions: Conditions,
    pipe: Pipeline,
    guidance_scale: float | None,
    call: Mapping[str, object],
    *,
    said: bool = False,
) -> Iterator[str]:
    """Yield a sentence for each argument, under its name in the pipeline's call, that would make other pictures.

    Args:
        guidance_scale: of the call; None: that of the list.
        call: the arguments, without size, steps and guidance scale.
        said: the call is told, so that an argument which it lacks stands at its default.
    """
    guided = _guided(conditions, guidance_scale)
    known = inspect.signature(type(pipe).__call__).parameters
    for name in conditions.call.keys() - call.keys() if said else ():
        yield f"The call has no {name}, but the list was made with {_short(conditions.call[name])}."
    for name, value in call.items():
        if _free(name) or (name in _ONLY_GUIDED and not guided):
            continue
        if name not in known:
            yield f"A {type(pipe).__name__} takes no argument {name!r}, so it cannot be compared."
        elif name == "negative_prompt":
            yield from _negative_prompt(conditions, pipe, value)
        elif plain(value) not in (accepted := [plain(item) for item in _accepted(conditions, pipe, name, call)]):
            was = f"with {accepted[0]!r}" if accepted and accepted[0] is not None else "without it"
            yield f"The call has {name} = {_short(value)}, but the list was made {was}."
    for name, value in _frozen(conditions).items():
        usual = known[name].default if name in known else value
        if name not in call and name not in conditions.call and usual != value:
            yield f"The call has {name} = {_short(usual)} where it says nothing; say {name} = {value!r}, as the list was made."


def _guided(conditions: Conditions, scale: float | None) -> bool:
    """Whether a negative prompt acts, in the list or in a call of this guidance scale; None: that of the list."""
    family = family_of(conditions.model.pipeline)
    if isinstance(family, StockFamily):
        return family.uses_negative(_guidance(conditions), conditions.call)
    return max(conditions.guidance_scale if scale is None else scale, conditions.guidance_scale) > 1


def _frozen(conditions: Conditions) -> Mapping[str, object]:
    """What the family has said in each call of the list."""
    family = family_of(conditions.model.pipeline)
    return family.frozen if isinstance(family, StockFamily) else {}


def _guidance(conditions: Conditions) -> Guidance:
    return Guidance(scale=conditions.guidance_scale)


def _free(name: str) -> bool:
    return name in FREE or (name.endswith(TENSORS) and not name.startswith("negative_"))


def _accepted(conditions: Conditions, pipe: Pipeline, name: str, call: Mapping[str, object]) -> list[object]:
    """The values of an argument with which a call draws as the list was made; the pipeline's default comes first."""
    family = family_of(conditions.model.pipeline)
    guidance = family.guided(_guidance(conditions), conditions.call) if isinstance(family, StockFamily) else {}
    said = {**guidance, **_frozen(conditions), **conditions.call}
    if name in said:
        return [said[name]]
    default = inspect.signature(type(pipe).__call__).parameters[name].default
    size = (conditions.height, conditions.width)
    takes_eta = "eta" in inspect.signature(pipe.components["scheduler"].step).parameters
    others: dict[str, list[object]] = {
        "clip_skip": [0],
        "denoising_end": [1.0],
        "cross_attention_kwargs": [{}],
        "original_size": [size],
        "target_size": [size],
        "negative_original_size": [size],
        "negative_target_size": [size],
        "eta": [] if takes_eta else [call.get("eta")],
        "prompt_2": [call.get("prompt")],
        "negative_prompt_2": [call.get("negative_prompt", conditions.negative_prompt or None)],
    }
    return [default, *others.get(name, [])]


def _negative_prompt(conditions: Conditions, pipe: Pipeline, value: object) -> Iterator[str]:
    """None and an empty text are the same, but to some SDXL models, which take None for zeros, and to pipelines which without a
    text do not guide."""
    texts: list[object] = list(value) if isinstance(value, list | tuple) else [value]
    zeros = bool(getattr(pipe.config, "force_zeros_for_empty_prompt", False))
    then = conditions.negative_prompt or ("" if conditions.empty == "text" else None)
    family = family_of(conditions.model.pipeline)
    for text in dict.fromkeys(texts):
        if text is None and isinstance(family, StockFamily) and not family.guides_without_negative:
            yield f"The call has no negative prompt, but the list was made with {conditions.negative_prompt!r}."
            continue
        if not text and not then and zeros and text != then:
            yield (
                f"The negative prompt is {text!r}, but the list was made with {then!r}, which is something else to this "
                "pipeline (force_zeros_for_empty_prompt)."
            )
        elif (text or "") != (then or ""):
            yield f"The negative prompt is {text!r}, but the list was made with {then or ''!r}."


def _short(value: object) -> str:
    text = repr(plain(value))
    return text if len(text) < 60 else f"{text[:60]}..."
