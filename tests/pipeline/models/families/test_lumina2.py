"""Lumina-Image 2.0 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

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
    study,
)
from tiny_families.lumina2 import tiny_lumina2

from seedscope.pipeline.models.cut_prompts import tokens_cut
from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.stock import StockPipeline

SIZE = {"height": 32, "width": 48}
SHORT = {"max_sequence_length": 64, "system_prompt": "You see well."}


@pytest.fixture(scope="module")
def lumina2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_lumina2(tmp_path_factory.mktemp("models") / "lumina2")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({"guidance": {"scale": 1}}, {"guidance_scale": 1.0}),
        ({"call": SHORT}, {"guidance_scale": 4.0, **SHORT}),
        (
            {"guidance": {"scale": 3, "negative_prompt": "the grass"}, "call": {"cfg_trunc_ratio": 0.5, **SHORT}},
            {"guidance_scale": 3.0, "negative_prompt": "the grass", "cfg_trunc_ratio": 0.5, **SHORT},
        ),
    ],
)
def test_single_pictures_are_the_stock_pipelines(
    lumina2: Path, sampling: dict[str, Any], call: dict[str, Any], tmp_path: Path
) -> None:
    draws_as_stock(lumina2, tmp_path, sampling | SIZE, call | SIZE)


def test_a_batch_is_its_single_pictures(lumina2: Path, tmp_path: Path) -> None:
    """All texts have one length, those of padding masked."""
    draws_batches_as_singles(lumina2, tmp_path, **SIZE, call=SHORT)


def test_its_golden_list_holds_in_stock_code(lumina2: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(lumina2, tmp_path, **SIZE, call=SHORT), stock_pipe(lumina2)
    holds_in_stock_code(golden, pipe, **SIZE, **SHORT, num_inference_steps=2, guidance_scale=4.0)


def test_the_tokens_that_are_cut_are_those_of_the_prompt(lumina2: Path) -> None:
    counts_the_tokens_that_are_cut(lumina2, **SHORT)
    counts_the_tokens_that_are_cut(lumina2, max_sequence_length=130)


def test_short_prompts_too_are_counted_where_a_study_leaves_them_no_room(lumina2: Path) -> None:
    """Before 64 tokens are read, the usual system prompt is; what is said before drawing is said after it."""
    wanted = study(lumina2, **SIZE, call={"max_sequence_length": 64})
    model = StockPipeline(FAMILIES["Lumina2Pipeline"], stock_pipe(lumina2), "cpu", wanted.sampling)
    before = tokens_cut(locate(wanted.model), wanted.sampling, ["a cat", "a red apple"])
    assert before == [model.tokens_cut("a cat"), model.tokens_cut("a red apple")] and min(before) > 2


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"height": 40}, "multiples of 16, not 40"),
        ({"call": {"cfg_trunc": 0.5}}, "takes no such argument. Did you mean 'cfg_trunc_ratio'"),
        ({"guidance": {"scale": 3, "negative_scale": 1, "negative_prompt": "x"}}, "has no such guidance"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_loaded(lumina2: Path, sampling: dict[str, Any], said: str) -> None:
    assert said in refused(lumina2, **sampling)


def test_which_arguments_of_its_call_shape_no_picture(lumina2: Path) -> None:
    changes = [{"cfg_normalization": False}, {"cfg_trunc_ratio": 0.5}, {"negative_prompt": "the grass"}]
    pipe = stock_pipe(lumina2)
    assert are_as_said(pipe, {**SIZE, **SHORT, "guidance_scale": 1.0}, changes) == [set(change) for change in changes]
    assert not any(are_as_said(pipe, {**SIZE, **SHORT, "guidance_scale": 4.0}, changes))
