"""The tiny folders are real ones: stock diffusers loads and runs them, and each has what marks its family."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from diffusers import DiffusionPipeline

CLASSES = {
    "sd1": ("StableDiffusionPipeline", "PNDMScheduler", "epsilon"),
    "sd2": ("StableDiffusionPipeline", "DDIMScheduler", "v_prediction"),
    "sdxl": ("StableDiffusionXLPipeline", "EulerDiscreteScheduler", "epsilon"),
    "sdxl_turbo": ("StableDiffusionXLPipeline", "EulerAncestralDiscreteScheduler", "epsilon"),
}


def pictures(pipe: DiffusionPipeline, prompts: list[str], seeds: list[int]) -> np.ndarray:
    """(B, 64, 64, 3) float32 in [0, 1], after two steps."""
    pipe.set_progress_bar_config(disable=True)
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    made = pipe(prompts, generator=generators, num_inference_steps=2, guidance_scale=5.0, output_type="np").images
    assert isinstance(made, np.ndarray)
    return made


@pytest.mark.parametrize("family", list(tiny_models.FAMILIES))
def test_stock_diffusers_loads_and_runs_it(family: str, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    folder = tiny_models.FAMILIES[family](tmp_path / family)
    assert torch.equal(before, torch.random.get_rng_state())
    pipe = DiffusionPipeline.from_pretrained(folder)
    assert (type(pipe).__name__, type(pipe.scheduler).__name__, pipe.scheduler.config.prediction_type) == CLASSES[
        family
    ]

    made = pictures(pipe, ["a red cat", "a red cat", "a photo of the sea"], [1, 2, 1])
    assert made.shape == (3, 64, 64, 3)
    assert np.isfinite(made).all()
    assert np.abs(made[0] - made[1]).mean() > 0.02, "the seed changes the picture"
    assert np.abs(made[0] - made[2]).mean() > 0.005, "the prompt changes the picture"


@pytest.mark.parametrize("family", list(tiny_models.FAMILIES))
def test_layout_is_the_published_one(family: str, tmp_path: Path) -> None:
    folder = tiny_models.FAMILIES[family](tmp_path / family)
    parts = {"scheduler", "tokenizer", "text_encoder", "unet", "vae"}
    parts |= {"tokenizer_2", "text_encoder_2"} if family.startswith("sdxl") else set()
    assert {entry.name for entry in folder.iterdir()} == parts | {"model_index.json"}
    index = json.loads((folder / "model_index.json").read_text())
    assert index["tokenizer"] == ["transformers", "CLIPTokenizer"]
    assert {file.name for file in (folder / "tokenizer").iterdir()} == {
        "vocab.json",
        "merges.txt",
        "special_tokens_map.json",
        "tokenizer_config.json",
    }
    weights = {str(file.relative_to(folder)) for file in folder.rglob("*.safetensors")}
    assert {"unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"} <= weights
    assert "text_encoder/model.safetensors" in weights


def test_same_seed_same_folder(tmp_path: Path) -> None:
    folders = [tiny_models.sd1(tmp_path / name) for name in ("a", "b")]
    files = [
        {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        for folder in folders
    ]
    assert files[0] == files[1]


def test_tokenizer_tells_prompts_apart_and_cuts_at_77(tmp_path: Path) -> None:
    pipe = DiffusionPipeline.from_pretrained(tiny_models.sdxl(tmp_path))
    prompts = ["", "a cat", "a cot", "a red cat", "cat a", "ein Käfer", "a photo of the sea", "x" * 300]
    for tokenizer in (pipe.tokenizer, pipe.tokenizer_2):
        ids = tokenizer(prompts, padding="max_length", truncation=True).input_ids
        assert {len(row) for row in ids} == {77}
        assert len({tuple(row) for row in ids}) == len(prompts)
        assert tokenizer.decode(ids[4], skip_special_tokens=True).rstrip("!").strip() == "cat a"
    assert pipe.tokenizer.pad_token == "<|endoftext|>"
    assert pipe.tokenizer_2.pad_token_id == 0
