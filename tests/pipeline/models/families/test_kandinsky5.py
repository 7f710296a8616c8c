"""Kandinsky 5 text-to-image on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from pathlib import Path

import pytest
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_families.kandinsky5 import of_small_sizes, tiny_kandinsky5

from seedscope.analysis.select.settings import settings
from seedscope.pipeline.models.families import kandinsky5

SIZE = {"height": 32, "width": 48}


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    of_small_sizes(monkeypatch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_kandinsky5(tmp_path_factory.mktemp("models") / "kandinsky5")


def test_single_pictures_are_the_stock_pipelines(folder: Path, tmp_path: Path) -> None:
    guidance = {"scale": 4.0, "negative_prompt": "grass"}
    call = {**SIZE, "guidance_scale": 4.0, "negative_prompt": "grass"}
    draws_as_stock(folder, tmp_path / "guided", {**SIZE, "guidance": guidance}, call, fields="image")
    draws_as_stock(
        folder, tmp_path / "not", {**SIZE, "guidance": {"scale": 1.0}}, {**SIZE, "guidance_scale": 1.0}, fields="image"
    )


def test_a_batch_is_its_single_pictures(folder: Path, tmp_path: Path) -> None:
    prompts = ("a red apple", "the photo of a cat on grass", "a cat", "the cat")
    draws_batches_as_singles(folder, tmp_path, prompts, **SIZE)


def test_its_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    golden = golden_list(folder, tmp_path, **SIZE)
    assert golden.noise is not None and golden.noise.shape == (4, 6, 4)
    assert "ComfyUI, have them first" in settings(golden) and "A1111" not in settings(golden)
    holds_in_stock_code(golden, stock_pipe(folder), "image", **SIZE, num_inference_steps=2, guidance_scale=4.0)


def test_a_size_that_it_does_not_draw_is_refused(folder: Path) -> None:
    assert "draws other pixels than 96 x 64" in (said := refused(folder, height=64, width=96)) and "48 x 32" in said
    assert kandinsky5.Kandinsky5().geometry({"transformer": {"in_visual_dim": 4}}.__getitem__, "k").step == 8
