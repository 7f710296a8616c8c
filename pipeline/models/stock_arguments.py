"""Arguments of a stock pipeline's call: which are the study's own, which change what a text becomes, and which are refused."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.argument_kinds import other_than_taken
from seedscope.pipeline.study.schema import Json, Sampling

OURS = frozenset(
    {
        "prompt",
        "prompt_2",
        "prompt_3",
        "negative_prompt",
        "negative_prompt_2",
        "negative_prompt_3",
        "caption_upsample_temperature",
        "image",
        "ip_adapter_image",
        "negative_ip_adapter_image",
        "height",
        "width",
        "num_inference_steps",
        "guidance_scale",
        "num_images_per_prompt",
        "num_videos_per_prompt",
        "generator",
        "latents",
        "output_type",
        "return_dict",
    }
)
"""Arguments of a call that the study says otherwise, or that are not its own."""
TEXT_OPTIONS = (
    "max_sequence_length",
    "clip_skip",
    "system_prompt",
    "text_encoder_out_layers",
    "complex_human_instruction",
    "clean_caption",
)
MAY_BE_NULL = ("intermediate_timesteps",)
"""Arguments that may be null although the signature says a number."""
FRAMES = ("num_frames", "video_length", "frames")
"""What calls that make films have for their length: one picture is asked for."""


def text_options(call: Mapping[str, Json]) -> dict[str, Any]:
    """Those arguments of a call that change what a text becomes."""
    return {name: value for name, value in call.items() if name in TEXT_OPTIONS}


def refuse_texts_of_clip(pipeline: str, sampling: Sampling) -> None:
    """
    Raises:
        ModelError: the study asks for what only pipelines have whose texts CLIP alone reads.
    """
    for key, value in (
        ("long_prompts", sampling.long_prompts != "cut"),
        ("weighted_prompts", sampling.weighted_prompts),
    ):
        if value:
            raise ModelError(
                f"sampling.{key}: is for models whose prompts CLIP alone reads, not a {pipeline}. Remove it."
            )


def refuse_arguments(pipeline: str, sampling: Sampling) -> None:
    """Refuse arguments that a class of diffusers does not take, or that a study says otherwise.

    Raises:
        ModelError: a sentence.
    """
    import difflib

    import diffusers

    parameters = inspect.signature(getattr(diffusers, pipeline).__call__).parameters
    known = set(parameters) - {"self"}
    for name, value in sampling.arguments.items():
        if name in OURS or name.endswith(("_embeds", "_mask")) or name.startswith("callback"):
            raise ModelError(f"{sampling.place(name)}: is said by the study, or by seedscope itself. Remove it.")
        if name not in known:
            near = difflib.get_close_matches(name, known - OURS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ModelError(f"{sampling.place(name)}: a {pipeline} takes no such argument.{hint}")
        if value is None and name in MAY_BE_NULL:
            continue
        if wanted := other_than_taken(value, parameters[name]):
            raise ModelError(f"{sampling.place(name)}: is {json.dumps(value)}, but a {pipeline} takes {wanted}.")


def refuse_other_steps(sampling: Sampling) -> None:
    """A call that is given its noise levels, or its times, makes a step for each, whatever number of steps it is given."""
    for name in ("sigmas", "timesteps"):
        levels = sampling.call.get(name)
        if isinstance(levels, list) and len(levels) != sampling.steps:
            raise ModelError(
                f"sampling.call.{name}: has {len(levels)} values, which make as many steps. Set steps to {len(levels)}."
            )
