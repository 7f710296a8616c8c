"""What the report says of how pictures were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_flux import flux

from seedscope.analysis.report.gather.how_made import how_made
from seedscope.analysis.run.opened import run_of

SMALL = {"steps": 2, "height": 32, "width": 48}


@pytest.fixture
def told(write_study: Callable[..., Path], tmp_path: Path) -> Callable[..., dict[str, list[str]]]:
    """What is said of a study of which nothing is drawn yet, with these changes."""
    scored = {"features": [{"clip_score": {"model": "sprout-clip"}}], "ranking": {"by": "clip_score"}}
    return lambda **changes: how_made(replace(run_of(write_study(**scored, **changes), tmp_path / "run"), units=()), {})


def test_settings_that_a_model_does_not_know_are_not_told(told: Callable[..., Any], tmp_path: Path) -> None:
    sampling = {**SMALL, "guidance": {"scale": 4}, "call": {"max_sequence_length": 64}}
    made = told(model=str(flux(tmp_path / "flux", guidance_embeds=True)), sampling=sampling)
    assert "drawn by FluxPipeline of diffusers" in made["Model"]
    where = made["Study"].index("48 x 32 pixels")
    assert made["Study"][where:] == [
        "48 x 32 pixels",
        "scheduler: model",
        "steps: 2",
        "call max sequence length: 64",
        "guidance scale: 4.0",
        "dtype: float32",
        "batch size: 3",
    ]


def test_what_a_study_sets_is_told(told: Callable[..., Any]) -> None:
    guidance = {"scale": 3, "negative_prompt": "grey", "negative_from": 1}
    sampling = {"scheduler": "ddim", "steps": 2, "eta": 0.5, "long_prompts": "chunks", "guidance": guidance}
    said = told(sampling=sampling, compute={"dtype": "bfloat16", "vae": {"dtype": "float32"}, "device": "cpu"})["Study"]
    for line in (
        "scheduler: ddim",
        "call eta: 0.5",
        "long prompts: chunks",
        "guidance negative prompt: grey",
        "guidance negative from: 1",
        "dtype: bfloat16",
        "vae dtype: float32",
        "batch size: 16",
    ):
        assert line in said
