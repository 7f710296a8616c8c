"""Wan as text-to-image on tiny random weights in the published layout: as the stock pipeline draws a film of one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from diffusers.models.attention_dispatch import AttentionBackendName
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
    study,
)
from tiny_families.wan import wan

from seedscope.analysis import GoldenMismatch
from seedscope.pipeline.models.attention import attends_with
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate

SIZE = {"height": 32, "width": 48}
ONE = {"num_frames": 1}


@pytest.fixture(scope="module")
def wan21(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wan(tmp_path_factory.mktemp("models") / "wan2.1", networks=1)


@pytest.fixture(scope="module")
def wan22(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wan(tmp_path_factory.mktemp("models") / "wan2.2", networks=2)


def test_single_pictures_are_the_stock_pipelines(wan21: Path, wan22: Path, tmp_path: Path) -> None:
    guidance = {"scale": 4.0, "negative_prompt": "grass"}
    call = {**SIZE, **ONE, "guidance_scale": 4.0, "negative_prompt": "grass"}
    draws_as_stock(wan21, tmp_path / "2.1", {**SIZE, "guidance": guidance}, call, fields="frames")
    short = {"max_sequence_length": 32}
    without = {**SIZE, "guidance": {"scale": 1.0}, "call": short}
    draws_as_stock(wan21, tmp_path / "not", without, {**SIZE, **ONE, **short, "guidance_scale": 1.0}, fields="frames")
    second = {"guidance_scale_2": 2.0}
    draws_as_stock(
        wan22, tmp_path / "2.2", {**SIZE, "guidance": guidance, "call": second}, call | second, fields="frames"
    )


def test_a_batch_is_its_single_pictures(wan21: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(wan21, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(wan22: Path, tmp_path: Path) -> None:
    golden = golden_list(wan22, tmp_path, **SIZE)
    assert set(golden.conditions.model.parts or {}) == {"transformer_2", "text_encoder", "vae"}
    call = {**SIZE, **ONE, "num_inference_steps": 2, "guidance_scale": 4.0}
    pipe = stock_pipe(wan22)
    attending(pipe.transformer_2, AttentionBackendName.SAGE)
    with pytest.raises(
        GoldenMismatch, match="The transformer_2 attends with 'sage', but the list was made with 'native'"
    ):
        golden.check(pipe, tensors=False, **call)
    attending(pipe.transformer_2, AttentionBackendName.NATIVE)
    holds_in_stock_code(golden, pipe, "frames", **call)


def attending(network: Any, backend: AttentionBackendName) -> None:
    for module in network.modules():
        if hasattr(getattr(module, "processor", None), "_attention_backend"):
            module.processor._attention_backend = backend


def test_both_networks_attend_as_the_study_says(wan22: Path) -> None:
    wanted = study(wan22, attention="_native_math", **SIZE)
    pipe = load(locate(wanted.model), None, wanted.sampling, wanted.compute).pipe  # type: ignore[attr-defined]  # a stock one
    assert attends_with(pipe.transformer) == attends_with(pipe.transformer_2) == ("_native_math",)


def test_what_it_cannot_do_is_refused(wan21: Path) -> None:
    assert "multiples of 16, not 40" in refused(wan21, height=40)
    assert "sampling.call.num_frames: is always 1 here" in refused(wan21, call={"num_frames": 5})
