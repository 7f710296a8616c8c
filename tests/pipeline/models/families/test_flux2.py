"""FLUX.2 dev on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stock_families import (
    counts_the_tokens_that_are_cut,
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_families.flux2 import tiny_flux2

from seedscope.analysis import GoldenMismatch

SIZE = {"height": 32, "width": 48}
LAYERS = {"text_encoder_out_layers": [0, 1, 2], "max_sequence_length": 256}


@pytest.fixture(scope="module")
def flux2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_flux2(tmp_path_factory.mktemp("models") / "flux2")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({}, {"guidance_scale": 4.0}),
        ({"guidance": {"scale": 0.5}, "call": LAYERS}, {"guidance_scale": 0.5, **LAYERS}),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    flux2: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    draws_as_stock(flux2, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(flux2: Path, tmp_path: Path) -> None:
    """All texts have one length: their padding, in front, is read as the words are."""
    draws_batches_as_singles(flux2, tmp_path, **SIZE, call=LAYERS)


def test_its_golden_list_holds_in_stock_code(flux2: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(flux2, tmp_path, **SIZE, call=LAYERS), stock_pipe(flux2)
    assert golden.latents(pipe).shape == (2, 16, 2, 3)
    holds_in_stock_code(golden, pipe, **SIZE, **LAYERS, num_inference_steps=2, guidance_scale=4.0)
    pipe.tokenizer.tokenizer.add_tokens(["zebra"])
    with pytest.raises(GoldenMismatch, match="The tokenizer has other words"):
        golden.check(pipe)


def test_the_tokens_that_are_cut_are_those_of_the_prompt(flux2: Path) -> None:
    counts_the_tokens_that_are_cut(flux2, max_sequence_length=130)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"true_cfg_scale": 2}}, "takes no such argument"),
        ({"call": {"caption_upsample_temperature": 0.15}}, "caption_upsample_temperature: "),
        ({"call": {"sigmas": [1.0, 0.7, 0.3]}}, "has 3 values, which make as many steps. Set steps to 3."),
        ({"guidance": {"scale": 3, "negative_prompt": "x"}}, "takes no negative prompt. Remove it."),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(flux2: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(flux2, **sampling)
