"""The file of noise, read by safetensors."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from exported_run import source
from safetensors import safe_open

from seedscope.analysis.exports.latents import latents
from seedscope.pipeline.drawing.noise import digest
from seedscope.pipeline.drawing.noise.recipe import Recipe


def test_a_tensor_a_seed_is_what_diffusers_begins_with(run: Path, tmp_path: Path) -> None:
    latents(source(run))(tmp_path)
    with safe_open(tmp_path / "latents.safetensors", "pt") as file:
        assert set(file.keys()) == {"7", "3", "12"}
        told = file.metadata()
        for seed in (7, 3, 12):
            tensor = file.get_tensor(str(seed))
            assert torch.equal(tensor, Recipe((4, 8, 8)).latent(seed))
            assert json.loads(told["sha256"])[str(seed)] == digest(tensor)
    assert json.loads(told["seeds"]) == [7, 3, 12] and json.loads(told["shape"]) == [4, 8, 8]
    assert (told["dtype"], told["layout"], told["width"], told["height"]) == ("float32", "C,h,w", "64", "64")
    assert "torch.Generator('cpu').manual_seed(seed)" in told["generator"]


def test_of_seeds_that_are_named(run: Path, tmp_path: Path) -> None:
    latents(source(run, asked=[0, 99]))(tmp_path)
    with safe_open(tmp_path / "latents.safetensors", "pt") as file:
        assert set(file.keys()) == {"0", "99"}
