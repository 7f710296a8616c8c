"""Chroma on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

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
)
from tiny_families.chroma import tiny_chroma

SIZE = {"height": 32, "width": 48}


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chroma(tmp_path_factory.mktemp("models") / "chroma")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({"guidance": {"scale": 1}}, {"guidance_scale": 1.0}),
        ({"call": {"max_sequence_length": 64}}, {"guidance_scale": 4.0, "max_sequence_length": 64}),
        (
            {"guidance": {"scale": 3, "negative_prompt": "the grass"}},
            {"guidance_scale": 3.0, "negative_prompt": "the grass"},
        ),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    chroma: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    draws_as_stock(chroma, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(chroma: Path, tmp_path: Path) -> None:
    """All texts have 512 tokens, those of padding masked."""
    draws_batches_as_singles(chroma, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(chroma: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(chroma, tmp_path, **SIZE), stock_pipe(chroma)
    assert golden.latents(pipe).shape == (2, 2 * 3, 16)
    holds_in_stock_code(golden, pipe, **SIZE, num_inference_steps=2, guidance_scale=4.0, negative_prompt=None)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"true_cfg_scale": 2}}, "takes no such argument"),
        ({"guidance": {"scale": 3, "negative_scale": 1, "negative_prompt": "x"}}, "has no such guidance"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(chroma: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(chroma, **sampling)
