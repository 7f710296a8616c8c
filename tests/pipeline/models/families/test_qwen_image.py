"""Qwen-Image on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from ignored_arguments import are_as_said
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
    study,
)
from tiny_families.qwen_image import tiny_qwen_image

from seedscope.analysis import GoldenMismatch
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.families.qwen_image import QwenImage
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.stock import StockPipeline

SIZE = {"height": 32, "width": 48}
NEGATIVE = {"guidance": {"scale": 3, "negative_prompt": "the grass"}}


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen_image(tmp_path_factory.mktemp("models") / "qwen-image")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({"guidance": {"scale": 1}}, {}),
        ({}, {"negative_prompt": "", "true_cfg_scale": 4.0}),
        (NEGATIVE, {"negative_prompt": "the grass", "true_cfg_scale": 3.0}),
        ({"guidance": {"scale": 0}, "call": {"max_sequence_length": 6}}, {"max_sequence_length": 6}),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    qwen: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    draws_as_stock(qwen, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(qwen: Path, tmp_path: Path) -> None:
    """Texts of different lengths are padded with zeros and masked, as the pipeline does with a list of prompts."""
    draws_batches_as_singles(qwen, tmp_path, **SIZE, **NEGATIVE)


def test_its_golden_list_holds_in_stock_code(qwen: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(qwen, tmp_path, **SIZE, **NEGATIVE), stock_pipe(qwen)
    assert golden.latents(pipe).shape == (2, 2 * 3, 16)
    call = {**SIZE, "num_inference_steps": 2, "true_cfg_scale": 3.0, "negative_prompt": "the grass"}
    holds_in_stock_code(golden, pipe, **call)
    with pytest.raises(GoldenMismatch, match="true_cfg_scale = 4.0, but the list was made with 3.0"):
        golden.check(pipe, **call | {"true_cfg_scale": 4.0})
    with pytest.raises(GoldenMismatch, match="no negative prompt, but the list was made with 'the grass'"):
        golden.check(pipe, **call | {"negative_prompt": None})


def test_the_tokens_that_are_cut_are_those_of_the_prompt(qwen: Path) -> None:
    """What stands before the prompt is dropped, and what stands behind it is cut before it."""
    pipe, call = stock_pipe(qwen), {"max_sequence_length": 30}
    assert pipe.encode_prompt(25 * "z", "cpu")[0].shape[1] == 25 + len(
        pipe.tokenizer("<|im_end|>\n<|im_start|>assistant\n").input_ids
    )
    model = StockPipeline(QwenImage(), pipe, "cpu", study(qwen, call=call).sampling)
    assert [model.tokens_cut(count * "z") for count in (25, 30, 40)] == [0, 0, 10]


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"guidance": 2}}, "takes no such argument"),
        ({"call": {"true_cfg_scale": 2}}, "sampling.call.true_cfg_scale: is said by sampling.guidance.scale"),
        ({"guidance": {"scale": 3, "negative_scale": 1, "negative_prompt": "x"}}, "has no such guidance"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(qwen: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(qwen, **sampling)


def test_a_network_that_is_told_the_guidance_is_refused(qwen: Path, tmp_path: Path) -> None:
    told = shutil.copytree(qwen, tmp_path / "told")
    config = json.loads((told / "transformer" / "config.json").read_text())
    (told / "transformer" / "config.json").write_text(json.dumps(config | {"guidance_embeds": True}))
    with pytest.raises(ModelError, match="told: its transformer is told the guidance"):
        locate(study(told).model)


def test_which_arguments_of_its_call_shape_no_picture(qwen: Path) -> None:
    """Its default scale is 4, and guides where there is a negative prompt."""
    changes = [{"negative_prompt": ""}, {"true_cfg_scale": 3.0}, {"guidance_scale": 7.0}]
    assert are_as_said(stock_pipe(qwen), SIZE, changes) == [set(), {"true_cfg_scale"}, {"guidance_scale"}]
