"""HiDream-I1 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

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
from tiny_families.hidream import of_small_area, tiny_hidream

from seedscope.pipeline.models.families import hidream

SIZE = {"height": 16, "width": 64}
"""As many pixels as a square of `CELLS` cells has."""


@pytest.fixture(autouse=True)
def small_area(monkeypatch: pytest.MonkeyPatch) -> None:
    of_small_area(monkeypatch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_hidream(tmp_path_factory.mktemp("models") / "hidream")


def test_single_pictures_are_the_stock_pipelines(folder: Path, tmp_path: Path) -> None:
    guidance, short = {"scale": 4.0, "negative_prompt": "grass"}, {"max_sequence_length": 32}
    draws_as_stock(
        folder,
        tmp_path / "guided",
        {**SIZE, "guidance": guidance, "call": short},
        {**SIZE, **short, "guidance_scale": 4.0, "negative_prompt": "grass"},
    )
    draws_as_stock(folder, tmp_path / "not", {**SIZE, "guidance": {"scale": 0.0}}, {**SIZE, "guidance_scale": 0.0})


def test_a_batch_is_its_single_pictures(folder: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(folder, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    golden = golden_list(folder, tmp_path, **SIZE)
    holds_in_stock_code(golden, stock_pipe(folder), **SIZE, num_inference_steps=2, guidance_scale=4.0)


def test_a_size_that_it_does_not_draw_is_refused(folder: Path) -> None:
    assert "multiples of 16, not 40" in refused(folder, height=40)
    assert "draws other pixels than 48 x 32" in refused(folder, height=32, width=48)
    assert hidream.of_one_area(1024, 16, 1024, 1024) == (1024, 1024)
    assert hidream.of_one_area(1024, 16, 512, 512) == (1024, 1024)
