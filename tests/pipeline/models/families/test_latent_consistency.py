"""Latent consistency models: pictures equal to the stock pipeline's, a golden list that holds in it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stock_families import (
    by_seedscope,
    by_stock,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
    study,
    with_clip_skip,
)
from tiny_families.latent_consistency import lcm

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate

CALL = {"num_inference_steps": 2, "guidance_scale": 8.0}
SAID: dict[str, Any] = {"guidance": {"scale": 8.0}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lcm(tmp_path_factory.mktemp("models") / "lcm")


@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({}, {}),
        ({"guidance": {"scale": 1.0}}, {"guidance_scale": 1.0}),
        ({"clip_skip": 1}, {"clip_skip": 1}),
        ({"call": {"original_inference_steps": 20}}, {"original_inference_steps": 20}),
        ({"steps": 4}, {"num_inference_steps": 4}),
    ],
)
def test_pixels_equal_stock(folder: Path, tmp_path: Path, sampling: dict[str, Any], call: dict[str, Any]) -> None:
    """The noise between the steps comes from the cell's generator: one call a cell draws what a run does."""
    wanted = study(folder, batch_size=1, **SAID | sampling)
    expected = by_stock(with_clip_skip(stock_pipe(folder)), **{"guidance_scale": 8.0} | call)
    np.testing.assert_array_equal(by_seedscope(wanted, tmp_path), expected)


def test_a_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    holds_in_stock_code(golden_list(folder, tmp_path, **SAID), stock_pipe(folder), **CALL)


def test_what_it_cannot_draw_is_refused_when_the_study_is_read(folder: Path, tmp_path: Path) -> None:
    of_lcm = (
        "sampling.scheduler: a LatentConsistencyModelPipeline makes the steps of LCMScheduler, not of DDIMScheduler"
    )
    assert of_lcm in refused(folder, **SAID, scheduler="ddim")
    not_told = refused(lcm(tmp_path / "model", width=None), **SAID)
    assert "has no time_cond_proj_dim. Load it as a StableDiffusionPipeline" in not_told


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"steps": 60}, "LCMScheduler cannot make 60 steps"),
        ({"call": {"original_inference_steps": 1}}, "LCMScheduler cannot make 2 steps"),
    ],
)
def test_steps_that_it_cannot_make_are_refused(folder: Path, sampling: dict[str, Any], said: str) -> None:
    wanted = study(folder, **SAID | sampling)
    with pytest.raises(ModelError, match=said):
        load(locate(wanted.model), None, wanted.sampling, wanted.compute)
