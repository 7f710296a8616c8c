"""A study's arguments for the call of a stock pipeline are of the kind that its signature says, or refused."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.argument_kinds import other_than_taken
from seedscope.pipeline.models.families import family_of
from seedscope.pipeline.study.schema import Sampling


def refuse(pipeline: str, call: dict[str, Any]) -> None:
    family = family_of(pipeline)
    assert family is not None
    family.refuse(pipeline, Sampling.model_validate({"steps": 2, "call": call}), by_prompt=True)


@pytest.mark.parametrize(
    ("pipeline", "call", "said"),
    [
        ("FluxPipeline", {"true_cfg_scale": None}, "true_cfg_scale: is null, but a FluxPipeline takes a number."),
        ("FluxPipeline", {"true_cfg_scale": "x"}, 'true_cfg_scale: is "x", but a FluxPipeline takes a number.'),
        ("FluxPipeline", {"true_cfg_scale": True}, "true_cfg_scale: is true, but a FluxPipeline takes a number."),
        ("FluxPipeline", {"max_sequence_length": "many"}, 'is "many", but a FluxPipeline takes a whole number.'),
        ("FluxPipeline", {"max_sequence_length": None}, "is null, but a FluxPipeline takes a whole number."),
        ("FluxPipeline", {"max_sequence_length": 12.5}, "is 12.5, but a FluxPipeline takes a whole number."),
        ("FluxPipeline", {"sigmas": 1.0}, "sigmas: is 1.0, but a FluxPipeline takes a list."),
        ("FluxPipeline", {"sigmas": ["a", "b"]}, "takes a list."),
        ("FluxPipeline", {"joint_attention_kwargs": [1]}, "takes settings by name."),
        ("SanaPipeline", {"clean_caption": "yes"}, 'is "yes", but a SanaPipeline takes true or false.'),
        ("CogView3PlusPipeline", {"max_sequence_length": "many"}, "takes a whole number."),
    ],
)
def test_other_kinds_are_refused(pipeline: str, call: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError) as refusal:
        refuse(pipeline, call)
    assert f"sampling.call.{next(iter(call))}: " in str(refusal.value) and said in str(refusal.value)


@pytest.mark.parametrize(
    ("pipeline", "call"),
    [
        ("FluxPipeline", {"true_cfg_scale": 3}),
        ("FluxPipeline", {"max_sequence_length": 128, "sigmas": None, "joint_attention_kwargs": None}),
        ("FluxPipeline", {"sigmas": [1, 0.5], "joint_attention_kwargs": {"scale": 0.5}}),
        ("SanaPipeline", {"complex_human_instruction": None, "timesteps": [999.5, 1]}),
        ("SanaSprintPipeline", {"intermediate_timesteps": None}),
        ("WanPipeline", {"guidance_scale_2": None}),
        ("StableDiffusion3Pipeline", {"skip_guidance_layers": [0]}),
    ],
)
def test_what_a_call_takes_passes(pipeline: str, call: dict[str, Any]) -> None:
    refuse(pipeline, call)


def test_what_no_signature_says_is_left_to_the_call() -> None:
    def parameter(**said: Any) -> inspect.Parameter:
        return inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, **said)

    assert not other_than_taken("x", parameter(default=None))
    assert not other_than_taken("x", parameter(annotation=object))
    assert not other_than_taken("x", parameter(annotation="int"))
    assert other_than_taken("x", parameter(annotation="int", default=3)) == "a whole number"
