"""FLUX.2 klein on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ignored_arguments import are_as_said
from stock_families import (
    counts_the_tokens_that_are_cut,
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_families.flux2_klein import klein

from seedscope.analysis import GoldenMismatch

SIZE = {"height": 32, "width": 48}
SHORT = {"max_sequence_length": 64}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return klein(tmp_path_factory.mktemp("models") / "klein-base", is_distilled=False)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return klein(tmp_path_factory.mktemp("models") / "klein", is_distilled=True)


@pytest.mark.parametrize(
    ("kind", "sampling", "call"),
    [
        ("base", {"call": SHORT}, {"guidance_scale": 4.0, **SHORT}),
        ("base", {"guidance": {"scale": 1}}, {"guidance_scale": 1.0}),
        ("distilled", {"guidance": {"scale": 4}, "call": SHORT}, {"guidance_scale": 1.0, **SHORT}),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    kind: str, sampling: dict[str, Any], call: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    draws_as_stock(request.getfixturevalue(kind), tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(base: Path, tmp_path: Path) -> None:
    """All texts have one length: their padding is read as the words are."""
    draws_batches_as_singles(base, tmp_path, **SIZE, call=SHORT)


def test_its_golden_list_holds_in_stock_code(base: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(base, tmp_path, **SIZE, call=SHORT), stock_pipe(base)
    assert golden.latents(pipe).shape == (2, 16, 2, 3)
    holds_in_stock_code(golden, pipe, **SIZE, **SHORT, num_inference_steps=2, guidance_scale=4.0)


def test_the_tokens_that_are_cut_are_those_of_the_prompt(base: Path) -> None:
    counts_the_tokens_that_are_cut(base, max_sequence_length=30)


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"is_distilled": True}}, "takes no such argument"),
        ({"guidance": {"scale": 3, "negative_prompt": "x"}}, "takes no negative prompt: it is guided by the empty one"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(base: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(base, **sampling)


@pytest.mark.parametrize("kind", ["base", "distilled"])
def test_a_distilled_one_reads_no_scale(kind: str, request: pytest.FixtureRequest) -> None:
    pipe, scale = stock_pipe(request.getfixturevalue(kind)), {"guidance_scale": 1.0}
    found = are_as_said(pipe, {**SIZE, **SHORT, "guidance_scale": 4.0}, [scale, {"guidance_scale": 3.0}])
    assert found == ([set(), set()] if kind == "base" else [set(scale)] * 2)


def test_scales_that_it_does_not_read_are_no_difference(distilled: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(distilled, tmp_path, **SIZE, call=SHORT), stock_pipe(distilled)
    golden.check(pipe, **SIZE, **SHORT, num_inference_steps=2, guidance_scale=1.0)
    golden.check(pipe, **SIZE, **SHORT, num_inference_steps=2)
    pipe.register_to_config(is_distilled=False)
    with pytest.raises(GoldenMismatch, match="is_distilled = False"):
        golden.check(pipe, **SIZE, **SHORT, num_inference_steps=2, guidance_scale=4.0)
