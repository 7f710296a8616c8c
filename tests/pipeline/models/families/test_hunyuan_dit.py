"""HunyuanDiT on tiny random weights in the published layout: as the stock pipeline draws, with noise between the steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from ignored_arguments import are_as_said
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_families.hunyuan_dit import tiny_hunyuan_dit

SIZE = {"height": 32, "width": 48}
AS_ASKED = {"use_resolution_binning": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_hunyuan_dit(tmp_path_factory.mktemp("models") / "hunyuan-dit")


def test_single_pictures_are_the_stock_pipelines(folder: Path, tmp_path: Path) -> None:
    guidance, call = {"scale": 4.0, "negative_prompt": "grass"}, {"guidance_rescale": 0.5}
    draws_as_stock(
        folder,
        tmp_path / "guided",
        {**SIZE, "guidance": guidance, "call": call},
        {**SIZE, **AS_ASKED, **call, "guidance_scale": 4.0, "negative_prompt": "grass"},
    )
    without = {**SIZE, "guidance": {"scale": 1.0}}
    draws_as_stock(folder, tmp_path / "not", without, {**SIZE, **AS_ASKED, "guidance_scale": 1.0})


def test_a_batch_is_its_single_pictures(folder: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(folder, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    golden = golden_list(folder, tmp_path, **SIZE)
    holds_in_stock_code(golden, stock_pipe(folder), **SIZE, **AS_ASKED, num_inference_steps=2, guidance_scale=4.0)


def test_what_it_cannot_do_is_refused(folder: Path) -> None:
    assert "multiples of 16, not 40" in refused(folder, height=40)
    assert "is always False here. Remove it." in refused(folder, call={"use_resolution_binning": True})


def test_which_arguments_of_its_call_shape_no_picture(folder: Path) -> None:
    changes = [{"guidance_rescale": 0.7}, {"negative_prompt": "grass"}]
    pipe = stock_pipe(folder)
    assert are_as_said(pipe, {**SIZE, **AS_ASKED, "guidance_scale": 1.0}, changes) == [
        set(change) for change in changes
    ]
    assert not any(are_as_said(pipe, {**SIZE, **AS_ASKED, "guidance_scale": 4.0}, changes))
