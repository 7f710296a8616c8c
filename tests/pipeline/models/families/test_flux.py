"""FLUX.1 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import UniPCMultistepScheduler
from diffusers.pipelines.flux import pipeline_flux
from ignored_arguments import are_as_said
from stock_families import (
    by_seedscope,
    by_stock,
    golden_list,
    holds_in_stock_code,
    same_within_a_level,
    stock_pipe,
    study,
)
from tiny_flux import flux

from seedscope.analysis import GoldenMismatch
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import locate

SIZE = {"height": 32, "width": 48}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flux(tmp_path_factory.mktemp("models") / "flux-dev", guidance_embeds=True)


@pytest.fixture(scope="module")
def schnell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flux(tmp_path_factory.mktemp("models") / "flux-schnell", guidance_embeds=False)


CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("dev", {}, {"guidance_scale": 4.0}),
    ("dev", {"call": {"max_sequence_length": 64}}, {"guidance_scale": 4.0, "max_sequence_length": 64}),
    (
        "dev",
        {"guidance": {"scale": 2.0, "negative_prompt": "the grass"}, "call": {"true_cfg_scale": 3.0}},
        {"guidance_scale": 2.0, "negative_prompt": "the grass", "true_cfg_scale": 3.0},
    ),
    ("schnell", {"guidance": {"scale": 0}}, {"guidance_scale": 0.0}),
    (
        "schnell",
        {"guidance": {"scale": 0, "negative_prompt": "the grass"}, "call": {"true_cfg_scale": 3.0}},
        {"guidance_scale": 0.0, "negative_prompt": "the grass", "true_cfg_scale": 3.0},
    ),
]


@pytest.mark.parametrize(("kind", "sampling", "call"), CALLS)
def test_single_pictures_are_the_stock_pipelines(
    kind: str, sampling: dict[str, Any], call: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder: Path = request.getfixturevalue(kind)
    here = by_seedscope(study(folder, batch_size=1, **SIZE, **sampling), tmp_path)
    there = by_stock(stock_pipe(folder), **SIZE, **call)
    assert np.array_equal(here, there)
    assert np.abs(here[0].astype(int) - here[2]).max() > 10, "the seed changes the picture"
    assert np.abs(here[0].astype(int) - here[1]).max() > 0, "the prompt changes the picture"


def test_a_batch_is_its_single_pictures(dev: Path, tmp_path: Path) -> None:
    single = by_seedscope(study(dev, batch_size=1, **SIZE), tmp_path / "single")
    batch = by_seedscope(study(dev, batch_size=3, **SIZE), tmp_path / "batch")
    assert same_within_a_level(batch, single), "matrix products of other sizes round in another order"


def test_its_golden_list_holds_in_stock_code(dev: Path, tmp_path: Path) -> None:
    golden = golden_list(dev, tmp_path, **SIZE)
    assert golden.conditions.model.network == "transformer" and golden.conditions.model.family == "flux"
    pipe = stock_pipe(dev)
    assert golden.latents(pipe).shape == (2, 2 * 3, 16)
    holds_in_stock_code(golden, pipe, **SIZE, num_inference_steps=2, guidance_scale=4.0)


def test_the_shift_of_its_times_and_what_a_prompt_becomes_are_held(
    dev: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden, pipe = golden_list(dev, tmp_path, **SIZE), stock_pipe(dev)
    tokens = (SIZE["height"] // 16) * (SIZE["width"] // 16)
    assert golden.noise.shift == {"mu": pytest.approx(pipeline_flux.calculate_shift(tokens))}
    assert (golden.noise.form, golden.noise.cast_to, golden.noise.layout) == ("packed", "float32", "C,h,w")
    assert golden.noise.embedding is not None
    assert golden.noise.embedding.tensors.keys() == {"prompt_embeds", "pooled_prompt_embeds"}
    golden.check(pipe, **SIZE)
    own = pipeline_flux.calculate_shift
    monkeypatch.setattr(pipeline_flux, "calculate_shift", lambda *args: own(*args) + 0.1)
    with pytest.raises(GoldenMismatch, match=r"times would be shifted by mu = 0\.[0-9]+, but the list was made with"):
        golden.check(pipe, **SIZE)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40; the nearest is 32"),
        ({"call": {"guidance_rescale": 0.5}}, "a FluxPipeline takes no such argument"),
        ({"call": {"true_cfg": 2}}, "Did you mean 'true_cfg_scale'"),
        ({"call": {"latents": 1}}, "is said by the study"),
        ({"guidance": {"negative_prompt": "x"}}, "or say `call: {true_cfg_scale: 4}`"),
        ({"guidance": {"negative_prompt": "x", "negative_from": 1}}, "has no such guidance"),
        (
            {"guidance": {"similarity": {"to": {"text": "x"}}}},
            "guidance.similarity: FluxPipeline has no such guidance. Remove",
        ),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(dev: Path, sampling: dict[str, Any], said: str) -> None:
    wanted = study(dev, **sampling)
    located = locate(wanted.model)
    with pytest.raises(ModelError, match=said):
        located.family.refuse(located.pipeline, wanted.sampling, by_prompt=True)
        located.size(wanted.sampling)


# --- schedulers and arguments of a study


def test_another_solver_of_its_noise_equals_stock(dev: Path, tmp_path: Path) -> None:
    flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "use_dynamic_shifting": False}
    pipe = stock_pipe(dev)
    pipe.scheduler = UniPCMultistepScheduler.from_config(pipe.scheduler.config, **flow)
    wanted = study(dev, scheduler={"class": "UniPCMultistepScheduler", "config": flow}, batch_size=1, **SIZE)
    np.testing.assert_array_equal(by_seedscope(wanted, tmp_path), by_stock(pipe, guidance_scale=4.0, **SIZE))


def test_a_solver_that_its_call_cannot_use_is_refused(dev: Path, tmp_path: Path) -> None:
    wanted = study(dev, scheduler={"class": "FlowMatchHeunDiscreteScheduler"}, **SIZE)
    with pytest.raises(
        ModelError, match="sampling.scheduler: a FluxPipeline cannot use FlowMatchHeunDiscreteScheduler: "
    ):
        by_seedscope(wanted, tmp_path)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"eta": 0.5}, "sampling.eta: a FluxPipeline takes no such argument."),
        ({"long_prompts": "chunks"}, "sampling.long_prompts: is for models whose prompts CLIP alone reads, not a Flux"),
        ({"guidance": {"empty": "text"}}, "sampling.guidance.empty: FluxPipeline has no such guidance"),
    ],
)
def test_what_its_call_does_not_take_is_refused(dev: Path, sampling: dict[str, Any], said: str) -> None:
    wanted = study(dev, **sampling)
    located = locate(wanted.model)
    with pytest.raises(ModelError, match=said):
        located.family.refuse(located.pipeline, wanted.sampling, by_prompt=True)


@pytest.mark.parametrize("kind", ["dev", "schnell"])
def test_which_arguments_of_its_call_shape_no_picture(kind: str, request: pytest.FixtureRequest) -> None:
    pipe = stock_pipe(request.getfixturevalue(kind))
    changes = [
        {"guidance_scale": 2.0},
        {"true_cfg_scale": 3.0},
        {"negative_prompt": ""},
        {"negative_prompt": "", "true_cfg_scale": 3.0},
    ]
    told, *true = are_as_said(pipe, {**SIZE, "guidance_scale": 4.0}, changes)
    assert (told == {"guidance_scale"}) == (kind == "schnell")
    assert true == [{"true_cfg_scale"}, {"negative_prompt"}, set()]
