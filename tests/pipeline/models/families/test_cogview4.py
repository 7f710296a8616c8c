"""CogView4 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from stock_families import (
    PROMPTS,
    counts_the_tokens_that_are_cut,
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_families.cogview4 import tiny_cogview4
from tiny_language_models import glm_tokenizer

SIZE = {"height": 32, "width": 48}
LONG = "the photo of a red cat, on the grass of apple and grass and the red image"


@pytest.fixture(scope="module")
def cogview4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cogview4(tmp_path_factory.mktemp("models") / "cogview4")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({"guidance": {"scale": 1}}, {"guidance_scale": 1.0}),
        ({"call": {"crops_coords_top_left": [8, 16]}}, {"guidance_scale": 4.0, "crops_coords_top_left": (8, 16)}),
        (
            {"guidance": {"scale": 3, "negative_prompt": "the grass"}},
            {"guidance_scale": 3.0, "negative_prompt": "the grass"},
        ),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    cogview4: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    draws_as_stock(cogview4, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(cogview4: Path, tmp_path: Path) -> None:
    """A text of 16 tokens is called apart from one of 32, of which the stock pipeline would pad it to the length."""
    widths = [len(glm_tokenizer()(text).input_ids) for text in (*PROMPTS, LONG)]
    assert max(widths[:2]) <= 16 < widths[2]
    draws_batches_as_singles(cogview4, tmp_path, prompts=(PROMPTS[0], LONG, PROMPTS[1]), **SIZE)


def test_its_golden_list_holds_in_stock_code(cogview4: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(cogview4, tmp_path, **SIZE), stock_pipe(cogview4)
    holds_in_stock_code(golden, pipe, **SIZE, num_inference_steps=2, guidance_scale=4.0, negative_prompt="")
    assert golden.latents(pipe.to(torch.bfloat16)).dtype == torch.float32


def test_the_tokens_that_are_cut_are_those_of_the_prompt(cogview4: Path) -> None:
    counts_the_tokens_that_are_cut(cogview4, max_sequence_length=30)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"original": [1, 1]}}, "takes no such argument. Did you mean 'original_size'"),
        ({"call": {"timesteps": [900]}}, "has 1 values, which make as many steps. Set steps to 1."),
        ({"guidance": {"scale": 3, "negative_scale": 1, "negative_prompt": "x"}}, "has no such guidance"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(cogview4: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(cogview4, **sampling)
