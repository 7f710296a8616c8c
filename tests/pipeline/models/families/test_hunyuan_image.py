"""HunyuanImage 2.1 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ignored_arguments import are_as_said
from stock_families import (
    by_stock,
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_families.hunyuan_image import hunyuan, with_short_texts

from seedscope.analysis import GoldenMismatch

SIZE = {"height": 32, "width": 48}
QUOTED = ("a red apple", 'the photo of a cat, "on grass"')


@pytest.fixture(autouse=True)
def short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    with_short_texts(monkeypatch)


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hunyuan(tmp_path_factory.mktemp("models") / "hunyuan-image", distilled=False)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hunyuan(tmp_path_factory.mktemp("models") / "hunyuan-image-distilled", distilled=True)


def test_single_pictures_are_the_stock_pipelines(guided: Path, distilled: Path, tmp_path: Path) -> None:
    guidance = {"scale": 4.0, "negative_prompt": "grass"}
    call = {**SIZE, "negative_prompt": "grass"}
    draws_as_stock(guided, tmp_path / "guided", {**SIZE, "guidance": guidance}, call, QUOTED)
    told = {**SIZE, "distilled_guidance_scale": 4.0}
    draws_as_stock(distilled, tmp_path / "distilled", SIZE, told)


def test_texts_with_something_in_quotes_are_called_apart(guided: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(guided, tmp_path, QUOTED, **SIZE)
    mixed = stock_pipe(guided)(
        list(QUOTED), generator=[torch.Generator().manual_seed(0) for _ in QUOTED], num_inference_steps=2, **SIZE
    )
    single = by_stock(stock_pipe(guided), QUOTED, **SIZE)
    assert np.abs(np.asarray(mixed.images[0]).astype(int) - single[0]).max() > 1, "one call has one guider for all"


def test_its_golden_list_holds_in_stock_code(guided: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(guided, tmp_path, **SIZE), stock_pipe(guided)
    holds_in_stock_code(golden, pipe, **SIZE, num_inference_steps=2)
    pipe.guider = pipe.guider.new(guidance_scale=5.0)
    with pytest.raises(GoldenMismatch, match=r"The guider has guidance_scale = 5.0, but the list was made with 4.0"):
        golden.check(pipe, **SIZE)


def test_what_it_cannot_do_is_refused_when_the_study_is_read(guided: Path, distilled: Path) -> None:
    assert "multiples of 16, not 40" in refused(guided, height=40)
    assert "has a guider of the scale 4, not 7.5" in refused(guided, guidance={})
    told = {"scale": 3.0, "negative_prompt": "x"}
    assert "is told its guidance, and takes none" in refused(distilled, guidance=told)


def test_which_arguments_of_its_call_shape_no_picture(guided: Path, distilled: Path) -> None:
    """The guider has the scale, or the network is told it."""
    changes = [{"distilled_guidance_scale": 2.0}, {"negative_prompt": "grass"}]
    assert are_as_said(stock_pipe(guided), SIZE, changes) == [{"distilled_guidance_scale"}, set()]
    assert are_as_said(stock_pipe(distilled), SIZE, changes) == [set(), {"negative_prompt"}]
