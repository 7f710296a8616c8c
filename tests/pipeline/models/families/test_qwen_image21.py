"""Qwen-Image 2.1 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
    study,
)
from tiny_families.qwen_image21 import qwen21

from seedscope.analysis import GoldenMismatch
from seedscope.pipeline.models.locate import locate

SIZE = {"height": 32, "width": 64}
NEGATIVE = {"guidance": {"scale": 3, "negative_prompt": "the grass"}}


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return qwen21(tmp_path_factory.mktemp("models") / "qwen-image-2.1", None)


@pytest.fixture(scope="module")
def own_levels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return qwen21(tmp_path_factory.mktemp("models") / "own-levels", [1.0, 0.4])


@pytest.mark.parametrize(
    ("kind", "sampling", "call"),
    [
        ("qwen", {"guidance": {"scale": 1}}, {}),
        (
            "qwen",
            {"call": {"use_kv_cache": False}},
            {"negative_prompt": "", "true_cfg_scale": 4.0, "use_kv_cache": False},
        ),
        ("own_levels", NEGATIVE, {"negative_prompt": "the grass", "true_cfg_scale": 3.0}),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    kind: str, sampling: dict[str, Any], call: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """But for the alpha channel, which is not kept."""
    draws_as_stock(request.getfixturevalue(kind), tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(qwen: Path, tmp_path: Path) -> None:
    """Texts of one length are called together."""
    draws_batches_as_singles(qwen, tmp_path, **SIZE, **NEGATIVE)


def test_its_golden_list_holds_in_stock_code(own_levels: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(own_levels, tmp_path, **SIZE, guidance={"scale": 1}), stock_pipe(own_levels)
    assert golden.latents(pipe).shape == (2, 2 * 4, 4)
    holds_in_stock_code(golden, pipe, **SIZE, num_inference_steps=2)
    pipe.text_encoder.config.text_config.rms_norm_eps = 0.1
    pipe.register_to_config(sample_sigmas=[1.0, 0.5])
    with pytest.raises(GoldenMismatch) as caught:
        golden.check(pipe)
    assert "The text_encoder has rms_norm_eps = 0.1, but the list was made with 1e-06." in caught.value.reasons
    assert "The pipeline has sample_sigmas = [1.0, 0.5], but the list was made with [1.0, 0.4]." in caught.value.reasons


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 48}, "multiples of 32, not 48"),
        ({"call": {"max_sequence_length": 64}}, "takes no such argument"),
        ({"call": {"image": "cat.png"}}, "sampling.call.image: is said by the study"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(qwen: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(qwen, **sampling)


def test_steps_that_the_models_own_noise_levels_do_not_make_are_refused(own_levels: Path) -> None:
    assert "its own 2 noise levels, and makes 2 steps" in refused(own_levels, steps=3, **SIZE)


def test_its_own_noise_levels_are_part_of_what_it_is(qwen: Path, own_levels: Path) -> None:
    found = [json.dumps(locate(study(folder).model).identity) for folder in (qwen, own_levels)]
    assert ['"sample_sigmas": [1.0, 0.4]' in each for each in found] == [False, True]
