"""Kandinsky 5 text-to-image on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Kandinsky5T2IPipeline, Kandinsky5Transformer3DModel
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import VISION_TOKENS, qwen25_vl, qwen_tokenizer
from transformers import CLIPTextModel, Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen3VLVideoProcessor

from seedscope.pipeline.models.families import kandinsky5

SIZE = {"height": 32, "width": 48}


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline's own list of sizes, which are of a megapixel each, with two small ones in its place."""
    made = Kandinsky5T2IPipeline.__init__

    @wraps(made)
    def small(pipe: Any, *args: Any, **parts: Any) -> None:
        made(pipe, *args, **parts)
        pipe.resolutions = [(48, 32), (32, 48)]

    monkeypatch.setattr(Kandinsky5T2IPipeline, "__init__", small)
    monkeypatch.setattr(kandinsky5, "SIZES", ((32, 48), (48, 32)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "kandinsky5"
    clip, qwen = tiny_models.clip_tokenizer(folder / "tokenizer_2", pad="!"), qwen_tokenizer(VISION_TOKENS)
    processor = Qwen2_5_VLProcessor(Qwen2VLImageProcessor(), qwen, Qwen3VLVideoProcessor())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = Kandinsky5Transformer3DModel(
            in_visual_dim=4,
            in_text_dim=16,
            in_text_dim2=24,
            time_dim=16,
            out_visual_dim=4,
            model_dim=16,
            ff_dim=16,
            num_text_blocks=1,
            num_visual_blocks=1,
            axes_dims=(4, 2, 2),
        )
        for parameter in transformer.parameters():
            if not parameter.any():  # the gates of a network that was not trained let nothing through
                parameter.data.normal_(0, 0.5)
        text_encoder_2 = CLIPTextModel(tiny_models.text_config(clip, width=24, activation="quick_gelu"))
    Kandinsky5T2IPipeline(
        transformer=transformer.eval(),
        vae=autoencoder_kl(),
        text_encoder=qwen25_vl(qwen),
        tokenizer=processor,
        text_encoder_2=text_encoder_2.eval(),
        tokenizer_2=clip,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
    ).save_pretrained(folder)
    return folder


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
    holds_in_stock_code(golden, stock_pipe(folder), "image", **SIZE, num_inference_steps=2, guidance_scale=4.0)


def test_a_size_that_it_does_not_draw_is_refused(folder: Path) -> None:
    assert "draws other pixels than 64 x 96" in (said := refused(folder, height=64, width=96)) and "32 x 48" in said
    assert kandinsky5.Kandinsky5().geometry({"transformer": {"in_visual_dim": 4}}.__getitem__, "k").step == 8
