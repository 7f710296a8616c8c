"""Z-Image on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ignored_arguments import are_as_said
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
from tiny_families.z_image import tiny_z_image

from seedscope.analysis import GoldenMismatch

SIZE = {"height": 32, "width": 48}
SHORT = {"max_sequence_length": 64}


@pytest.fixture(scope="module")
def z_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_z_image(tmp_path_factory.mktemp("models") / "z-image")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({"guidance": {"scale": 0}}, {"guidance_scale": 0.0}),
        ({"guidance": {"scale": 0.5}, "call": SHORT}, {"guidance_scale": 0.5, **SHORT}),
        (
            {"guidance": {"scale": 3, "negative_prompt": "the grass"}, "call": {"cfg_normalization": True, **SHORT}},
            {"guidance_scale": 3.0, "negative_prompt": "the grass", "cfg_normalization": True, **SHORT},
        ),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    z_image: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    """Turbo's guidance of 0, and classifier-free guidance, which begins above 0."""
    draws_as_stock(z_image, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(z_image: Path, tmp_path: Path) -> None:
    """Texts go in as a list; the network pads them to multiples of 32 tokens, and masks what is longer in others."""
    draws_batches_as_singles(z_image, tmp_path, (PROMPTS[0], " ".join(3 * PROMPTS)), **SIZE, call=SHORT)


def test_its_golden_list_holds_in_stock_code(z_image: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(z_image, tmp_path, **SIZE, call=SHORT, guidance={"scale": 0.5}), stock_pipe(z_image)
    call = {**SIZE, **SHORT, "num_inference_steps": 2, "guidance_scale": 0.5}
    holds_in_stock_code(golden, pipe, **call)
    with pytest.raises(GoldenMismatch, match="guidance scale is 0.0, but the list was made with 0.5"):
        golden.check(pipe, **call | {"guidance_scale": 0.0})
    with pytest.raises(GoldenMismatch, match="negative prompt is 'x'"):
        golden.check(pipe, **call, negative_prompt="x")
    assert golden.latents(pipe.to(torch.bfloat16)).dtype == torch.float32


def test_the_tokens_that_are_cut_are_those_of_the_prompt(z_image: Path) -> None:
    counts_the_tokens_that_are_cut(z_image, max_sequence_length=30)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"cfg_norm": True}}, "takes no such argument. Did you mean 'cfg_normalization'"),
        ({"guidance": {"scale": 3, "negative_scale": 1, "negative_prompt": "x"}}, "has no such guidance"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(z_image: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(z_image, **sampling)


def test_which_arguments_of_its_call_shape_no_picture(z_image: Path) -> None:
    changes = [{"cfg_normalization": 0.5}, {"cfg_truncation": 0.1}, {"negative_prompt": "the grass"}]
    pipe = stock_pipe(z_image)
    assert are_as_said(pipe, {**SIZE, "guidance_scale": 0.0}, changes) == [set(change) for change in changes]
    assert not any(are_as_said(pipe, {**SIZE, "guidance_scale": 0.5}, [*changes, {"guidance_scale": 1.0}]))
