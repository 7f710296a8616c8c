"""What a golden list says to a call: compared is what shapes pictures in it, whatever the family's arguments."""

from __future__ import annotations

import inspect
from typing import Any

import diffusers
import pytest
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel

from seedscope.analysis.select.call import call_differences
from seedscope.analysis.select.component import Component
from seedscope.analysis.select.conditions import Conditions, Prompts
from seedscope.analysis.select.model import Model


def pipeline(kind: str, *, guidance_embeds: bool | None = None, **settings: Any) -> Any:
    """A pipeline with its scheduler, and a network, where its settings are read, but no other part."""
    parts: dict[str, Any] = dict.fromkeys(inspect.signature(getattr(diffusers, kind).__init__).parameters)
    del parts["self"]
    if guidance_embeds is not None:
        parts["transformer"] = FluxTransformer2DModel(
            in_channels=4,
            num_layers=0,
            num_single_layers=0,
            attention_head_dim=4,
            num_attention_heads=1,
            joint_attention_dim=4,
            pooled_projection_dim=4,
            axes_dims_rope=(0, 2, 2),
            guidance_embeds=guidance_embeds,
        )
    return getattr(diffusers, kind)(**{**parts, **settings, "scheduler": FlowMatchEulerDiscreteScheduler()})


def conditions(kind: str, scale: float, **others: Any) -> Conditions:
    part = Component(class_name="x", config={})
    model = Model(id="m", family="f", pipeline=kind, network="transformer", denoiser=part)
    return Conditions.model_validate(
        {
            "model": model,
            "scheduler": part,
            "steps": 2,
            "guidance_scale": scale,
            "height": 64,
            "width": 64,
            "dtype": "float32",
            "prompts": Prompts(count=1, sha256="b" * 64),
        }
        | others
    )


TRUE = {"negative_prompt": "fog", "call": {"true_cfg_scale": 3.0}}
CASES: list[tuple[str, float, dict[str, Any], dict[str, Any], list[str]]] = [
    # Pipeline, scale and further conditions of the list, a call, and the beginnings of what is said of it.
    ("FluxPipeline", 3.5, {}, {"guidance_scale": 3.5}, []),
    ("FluxPipeline", 3.5, {}, {"guidance_scale": 3.5, "true_cfg_scale": 4.0}, []),
    ("FluxPipeline", 3.5, {}, {"guidance_scale": 3.5, "negative_prompt": ""}, []),
    (
        "FluxPipeline",
        3.5,
        {},
        {"guidance_scale": 3.5, "negative_prompt": "", "true_cfg_scale": 4.0},
        ["The negative prompt is '', but the list was made without any", "The call has true_cfg_scale = 4.0, but"],
    ),
    (
        "FluxPipeline",
        2.0,
        TRUE,
        {"guidance_scale": 2.0, "true_cfg_scale": 3.0},
        ["The call has no negative prompt, but"],
    ),
    (
        "FluxPipeline",
        2.0,
        TRUE,
        {"guidance_scale": 2.0, "negative_prompt": "fog"},
        ["The call has true_cfg_scale = 1.0 where it says nothing; say true_cfg_scale = 3.0"],
    ),
    ("FluxPipeline", 2.0, TRUE, {"guidance_scale": 2.0, "negative_prompt": ["fog"] * 2, "true_cfg_scale": 3}, []),
    ("QwenImagePipeline", 4.0, {}, {"negative_prompt": ""}, []),
    ("QwenImagePipeline", 4.0, {}, {"negative_prompt": "", "guidance_scale": 9.0}, []),
    (
        "QwenImagePipeline",
        4.0,
        {},
        {"true_cfg_scale": 4.0},
        ["The call has no negative prompt, but the list was made with ''"],
    ),
    ("QwenImagePipeline", 4.0, {}, {"negative_prompt": " "}, ["The negative prompt is ' ', but"]),
    (
        "QwenImagePipeline",
        3.0,
        {},
        {"negative_prompt": ""},
        ["The call has true_cfg_scale = 4.0 where it says nothing; say true_cfg_scale = 3.0"],
    ),
    ("QwenImagePipeline", 1.0, {}, {"max_sequence_length": 512}, []),
    (
        "QwenImagePipeline",
        1.0,
        {},
        {"negative_prompt": ""},
        ["The negative prompt is '', but the list was made without any", "The call has true_cfg_scale = 4.0 where"],
    ),
    ("ZImagePipeline", 0.0, {}, {"guidance_scale": 0.0, "cfg_normalization": True, "negative_prompt": "x"}, []),
    (
        "ZImagePipeline",
        0.5,
        {},
        {"guidance_scale": 0.5, "cfg_normalization": True},
        ["The call has cfg_normalization = True"],
    ),
    (
        "Lumina2Pipeline",
        4.0,
        {"negative_prompt": "fog"},
        {"guidance_scale": 4.0},
        ["The call has no negative prompt, but"],
    ),
    ("Lumina2Pipeline", 4.0, {}, {"guidance_scale": 4.0, "negative_prompt": ""}, []),
    ("SanaPipeline", 4.0, {}, {"guidance_scale": 4.0, "use_resolution_binning": False, "negative_prompt": None}, []),
    ("StableDiffusion3Pipeline", 4.0, {}, {"guidance_scale": 4.0, "skip_layer_guidance_scale": 1.0}, []),
    (
        "StableDiffusion3Pipeline",
        4.0,
        {"call": {"skip_guidance_layers": [0]}},
        {"guidance_scale": 4.0, "skip_layer_guidance_scale": 1.0},
        ["The call has skip_layer_guidance_scale = 1.0, but", "The call has skip_guidance_layers = None where"],
    ),
    ("StableDiffusion3Pipeline", 4.0, {}, {"clip_skip": 0, "prompt": "a", "prompt_3": "a"}, []),
    ("StableDiffusion3Pipeline", 4.0, {}, {"prompt": "a", "prompt_2": "", "negative_prompt_2": ""}, []),
    (
        "StableDiffusion3Pipeline",
        4.0,
        {"negative_prompt": "fog"},
        {
            "negative_prompt": "fog",
            "negative_prompt_2": "",
            "negative_prompt_3": "rain",
            "prompt": "a",
            "prompt_2": "b",
        },
        ["The call has negative_prompt_3 = 'rain'", "The call has prompt_2 = 'b'"],
    ),
    ("WanPipeline", 5.0, {}, {"guidance_scale": 5.0, "guidance_scale_2": 5.0, "num_frames": 1}, []),
    (
        "WanPipeline",
        5.0,
        {},
        {"guidance_scale": 5.0},
        ["The call has num_frames = 81 where it says nothing; say num_frames = 1"],
    ),
]


@pytest.mark.parametrize(("kind", "scale", "others", "call", "said"), CASES)
def test_what_is_said_of_a_call(
    kind: str, scale: float, others: dict[str, Any], call: dict[str, Any], said: list[str]
) -> None:
    made = conditions(kind, scale, **others)
    pipe = pipeline(kind, guidance_embeds=True if kind == "FluxPipeline" else None)
    found = list(call_differences(made, pipe, call, told=True))
    assert len(found) == len(said), found
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True)), found


def test_a_scale_that_the_model_does_not_read_is_not_compared() -> None:
    made, call = conditions("FluxPipeline", 3.5), {"guidance_scale": 0.0}
    assert not list(call_differences(made, pipeline("FluxPipeline", guidance_embeds=False), call, told=True))
    (said,) = call_differences(made, pipeline("FluxPipeline", guidance_embeds=True), call, told=True)
    assert said == "The guidance scale is 0.0, but the list was made with 3.5."


def test_of_a_whole_call_the_default_scale_is_compared_too() -> None:
    made, pipe = conditions("ZImagePipeline", 0.0), pipeline("ZImagePipeline")
    assert not list(call_differences(made, pipe, {}, told=True))
    (said,) = call_differences(made, pipe, {}, told=True, whole=True)
    assert said == (
        "The call has guidance_scale = 5.0 where it says nothing; say guidance_scale = 0.0, as the list was made."
    )


def test_the_scale_is_known_by_the_name_that_a_pipeline_has_for_it() -> None:
    made, pipe = conditions("HunyuanImagePipeline", 3.0), pipeline("HunyuanImagePipeline", guidance_embeds=True)
    assert not list(call_differences(made, pipe, {"guidance_scale": 3.0}, told=True))
    (said,) = call_differences(made, pipe, {"guidance_scale": 4.0}, told=True)
    assert said == "The call has distilled_guidance_scale = 4.0, but the list was made with 3.0."
