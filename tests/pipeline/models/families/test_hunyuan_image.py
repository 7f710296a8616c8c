"""HunyuanImage 2.1 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda pipe: setattr(pipe.guider, "guidance_scale", 9.0), "guider was changed .*: has guidance_scale = 9.0"),
        (lambda pipe: pipe.guider.disable(), "guider was changed .*: has enabled = False"),
        (lambda pipe: setattr(pipe.ocr_guider, "_stop", 0.5), "ocr_guider was changed .*: has stop = 0.5"),
        (lambda pipe: setattr(pipe.guider, "forward", lambda *_, **__: None), "has a forward of its own"),
    ],
)
def test_a_guider_that_was_changed_is_noticed(change: Any, said: str, guided: Path, tmp_path: Path) -> None:
    golden, pipe = golden_list(guided, tmp_path, **SIZE), stock_pipe(guided)
    by_stock(pipe, QUOTED, **SIZE)
    golden.check(pipe, **SIZE, num_inference_steps=2)  # what it keeps of a call is no setting
    change(pipe)
    with pytest.raises(GoldenMismatch, match=said):
        golden.check(pipe, **SIZE, num_inference_steps=2)
    with pytest.raises(GoldenMismatch, match=said):
        golden.draw(pipe, QUOTED[0])


def test_a_guider_that_does_not_say_its_scale_has_that_of_its_class(guided: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(guided, tmp_path / "silent")
    file = folder / "guider" / "guider_config.json"
    said = json.loads(file.read_text())
    del said["guidance_scale"]
    file.write_text(json.dumps(said))
    assert "has a guider of the scale 3.5, not 4" in refused(folder, guidance={"scale": 4.0})
    draws_as_stock(folder, tmp_path / "run", {**SIZE, "guidance": {"scale": 3.5}}, SIZE)


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
