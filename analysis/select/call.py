"""The ways in which a call of a stock pipeline may differ from the one whose pictures a golden list stands for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.plain import plain
from seedscope.pipeline.models.families import family_of
from seedscope.pipeline.models.families.generic import Generic
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Guidance

if TYPE_CHECKING:
    from pydantic import JsonValue

    from seedscope.analysis.select.conditions import Conditions

Pipeline: TypeAlias = Any
Arguments = Mapping[str, object]
"""Of a call, by the names that the pipeline has for them."""

FREE: Final = frozenset(
    {
        "prompt",
        "num_images_per_prompt",
        "num_videos_per_prompt",
        "num_inference_steps",
        "height",
        "width",
        "generator",
        "latents",
        "output_type",
        "return_dict",
        "callback_on_step_end_tensor_inputs",
    }
)
"""Arguments that golden seeds are there to be used with: any prompt, their own noise, any form of the result; and those that
are compared elsewhere."""
TEXT_TENSORS: Final = re.compile(r"^(negative_)?(pooled_)?prompt_(embeds|attention_mask|cu_seqlens)")
"""Names of arguments that stand for a text: the positive prompt is free to be any, the negative one is compared elsewhere."""
_NEUTRAL: Final[Mapping[str, object]] = {
    "clip_skip": 0,
    "denoising_end": 1.0,
    "cross_attention_kwargs": {},
    "joint_attention_kwargs": {},
    "attention_kwargs": {},
}
"""Values that do what None does."""
_LIKE: Final[Mapping[str, str]] = {
    **{f"prompt_{place}": "prompt" for place in (2, 3, 4)},
    **{f"negative_prompt_{place}": "negative_prompt" for place in (2, 3, 4)},
    "guidance_scale_2": "guidance_scale",
}
"""Arguments of which None stands for the value of another."""
_SIZES: Final = ("original_size", "target_size")
"""How arguments end of which None stands for the size of the pictures."""


def call_differences(
    conditions: Conditions, pipe: Pipeline, given: Arguments, *, told: bool = False, whole: bool = False
) -> Iterator[str]:
    """Yield a sentence for each argument, under its name in the pipeline's call, that would make other pictures.

    An argument without effect is not compared, where it has none in the list's call either.

    Args:
        given: the arguments.
        told: the call is told, so that an argument which it lacks stands at its default; but for the guidance scale.
        whole: also this.
    """
    known = inspect.signature(type(pipe).__call__).parameters
    given = _by_their_names(conditions, known, given)
    usual = {name: each.default for name, each in known.items() if each.default is not each.empty}
    said, frozen = of_list(conditions, known), _frozen(conditions)
    then: dict[str, object] = {**usual, **said}
    here = {**then, **{name: usual[name] for name in frozen if name in usual}}
    if told:
        kept = {} if whole else {"guidance_scale": then.get("guidance_scale")}
        here = {**usual, **{name: value for name, value in kept.items() if name in known}}
    here |= {name: value for name, value in given.items() if name in known}
    ignored = _ignored(conditions, pipe, then) & _ignored(conditions, pipe, here)
    for name in dict.fromkeys([*given, *said]):
        if name in FREE or name in ignored or TEXT_TENSORS.match(name):
            continue
        if name not in known:
            yield f"A {type(pipe).__name__} takes no argument {name!r}, so it cannot be compared."
        elif name == "negative_prompt":
            yield from _negative_prompt(conditions, pipe, here, then)
        elif _canonical(name, here, conditions) != _canonical(name, then, conditions):
            yield _sentence(name, here[name], then.get(name), given=name in given)


def _by_their_names(conditions: Conditions, known: Arguments, given: Arguments) -> dict[str, object]:
    """The arguments, the guidance scale by the name that the pipeline has for it."""
    family = family_of(conditions.model.pipeline)
    if "guidance_scale" in given and "guidance_scale" not in known and isinstance(family, StockFamily):
        named = next(iter(family.guided(Guidance(scale=conditions.guidance_scale), {})), "guidance_scale")
        return {named if name == "guidance_scale" else name: value for name, value in given.items()}
    return dict(given)


def of_list(conditions: Conditions, known: Mapping[str, object]) -> dict[str, object]:
    """What the call says with which the list was made, beside size, steps and noise, of the arguments that are known."""
    family = family_of(conditions.model.pipeline)
    guidance = Guidance(scale=conditions.guidance_scale)
    said: dict[str, object] = {"guidance_scale": guidance.scale}
    negative: str | None = conditions.negative_prompt or ("" if conditions.empty == "text" else None)
    if isinstance(family, StockFamily):
        said = family.guided(guidance, conditions.call)
        uses = family.takes_negative and family.uses_negative(guidance, conditions.call)
        negative = conditions.negative_prompt if uses else None
    if negative is not None:
        said["negative_prompt"] = negative
    return {name: value for name, value in said.items() if name in known} | {**_frozen(conditions), **conditions.call}


def call_of(conditions: Conditions, pipe: Pipeline) -> dict[str, Any]:
    """The arguments with which the list was made, by the names that the pipeline has for them, but for prompt and noise.

    Raises:
        GoldenError: no stock call makes such pictures.
    """
    apart = {
        "negative_scale": conditions.negative_scale is not None,
        "negative_from": conditions.negative_from > 0,
        "similarity guidance": conditions.similarity is not None,
        f"the task {conditions.task!r}": conditions.task is not None,
        "long_prompts: chunks": conditions.long_prompts == "chunks",
        "weighted_prompts": conditions.weighted_prompts,
    }
    if named := [name for name, used in apart.items() if used]:
        raise GoldenError(f"The list was made with {' and '.join(named)}, which no stock call says; see `golden.draw`.")
    known = inspect.signature(type(pipe).__call__).parameters
    usual = {"num_inference_steps": conditions.steps, "height": conditions.height, "width": conditions.width}
    return {name: value for name, value in (usual | of_list(conditions, known)).items() if name in known}


def _frozen(conditions: Conditions) -> Mapping[str, object]:
    """What the family has said in each call of the list."""
    family = family_of(conditions.model.pipeline)
    return family.frozen if isinstance(family, StockFamily) else {}


def _ignored(conditions: Conditions, pipe: Pipeline, call: Arguments) -> frozenset[str]:
    """Arguments that shape no picture, where the others are so; none are known of another class than the list's."""
    family = family_of(conditions.model.pipeline)
    if family is None or type(pipe).__name__ != conditions.model.pipeline:
        return frozenset()
    takes_eta = "eta" in inspect.signature(pipe.components["scheduler"].step).parameters
    return family.ignored(pipe, call) | (frozenset() if takes_eta or isinstance(family, Generic) else {"eta"})


def _canonical(name: str, call: Arguments, conditions: Conditions) -> JsonValue:
    """The value of an argument, None where it does what None does."""
    value = plain(call.get(name))
    none = [_NEUTRAL[name]] if name in _NEUTRAL else []
    if name in _LIKE:
        none += [plain(call.get(_LIKE[name])), ""]  # pipelines say `prompt_2 or prompt`
    if name.endswith(_SIZES):
        none.append([conditions.height, conditions.width])
    return None if value in none else value


def _negative_prompt(conditions: Conditions, pipe: Pipeline, here: Arguments, then: Arguments) -> Iterator[str]:
    """None and an empty text are the same, but to some SDXL models, which take None for zeros, and to pipelines which without a
    text do not guide. Where tensors stand for the text, they are compared elsewhere."""
    if any(TEXT_TENSORS.match(name) and name.startswith("negative_") and here[name] is not None for name in here):
        return
    given: Any = here["negative_prompt"]
    texts = list(given) if isinstance(given, list | tuple) else [given]
    was, family = then["negative_prompt"], family_of(conditions.model.pipeline)
    zeros = bool(getattr(pipe.config, "force_zeros_for_empty_prompt", False))
    apart = isinstance(family, StockFamily) and not family.guides_without_negative
    for text in dict.fromkeys(texts):
        if text == was or not (text or was or zeros or apart):
            continue
        if zeros and not text and not was:
            yield (
                f"The negative prompt is {text!r}, but the list was made with {was!r}, which is something else to this "
                "pipeline (force_zeros_for_empty_prompt)."
            )
        elif text is None:
            yield f"The call has no negative prompt, but the list was made with {was!r}."
        elif was is None and apart:
            yield f"The negative prompt is {text!r}, but the list was made without any, and so without its guidance."
        else:
            yield f"The negative prompt is {text!r}, but the list was made with {was or ''!r}."


def _sentence(name: str, here: object, then: object, *, given: bool) -> str:
    if name == "guidance_scale" and given:
        return f"The guidance scale is {here!r}, but the list was made with {then!r}."
    if not given:
        return f"The call has {name} = {_short(here)} where it says nothing; say {name} = {_short(then)}, as the list was made."
    was = "without it" if then is None else f"with {_short(then)}"
    return f"The call has {name} = {_short(here)}, but the list was made {was}."


def _short(value: object) -> str:
    text = repr(plain(value))
    return text if len(text) < 60 else f"{text[:60]}..."
