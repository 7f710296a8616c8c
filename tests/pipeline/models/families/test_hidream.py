"""HiDream-I1 on tiny random weights in the published layout: drawn as the stock pipeline draws."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, HiDreamImagePipeline, HiDreamImageTransformer2DModel
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import glm_tokenizer
from tiny_texts import t5_encoder, t5_tokenizer
from transformers import CLIPTextModelWithProjection, LlamaConfig, LlamaForCausalLM

from seedscope.pipeline.models.families import hidream

SIZE = {"height": 16, "width": 64}
"""As many pixels as a square of `CELLS` cells has."""
CELLS = 4


@pytest.fixture(autouse=True)
def small_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller area than the megapixel to which the pipeline scales all pictures."""
    made = HiDreamImagePipeline.__init__

    @wraps(made)
    def small(pipe: Any, *args: Any, **parts: Any) -> None:
        made(pipe, *args, **parts)
        pipe.default_sample_size = CELLS

    monkeypatch.setattr(HiDreamImagePipeline, "__init__", small)
    monkeypatch.setattr(hidream, "CELLS", CELLS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "hidream"
    clips = [
        tiny_models.clip_tokenizer(folder / f"tokenizer{n}", pad=pad) for n, pad in (("", "<|endoftext|>"), ("_2", "!"))
    ]
    t5, llama = t5_tokenizer(), glm_tokenizer()
    config = tiny_models.text_config(clips[0], width=16, activation="gelu")
    # As long as the prompts that the pipeline lets through.
    config.max_position_embeddings = 128
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        encoders = [CLIPTextModelWithProjection(config).eval() for _ in clips]
        text_encoder_4 = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(llama),
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                initializer_range=0.5,
                attn_implementation="eager",
            )
        )
        transformer = HiDreamImageTransformer2DModel(
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=[32, 16],
            text_emb_dim=32,
            axes_dims_rope=(4, 2, 2),
            max_resolution=(8, 8),
            llama_layers=(0, 1),
        )
    HiDreamImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=autoencoder_kl(),
        text_encoder=encoders[0],
        tokenizer=clips[0],
        text_encoder_2=encoders[1],
        tokenizer_2=clips[1],
        text_encoder_3=t5_encoder(t5),
        tokenizer_3=t5,
        text_encoder_4=text_encoder_4.eval(),
        tokenizer_4=llama,
        transformer=transformer.eval(),
    ).save_pretrained(folder)
    return folder


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
    assert "draws other pixels than 32 x 48" in refused(folder, height=32, width=48)
    assert hidream.of_one_area(1024, 16, 1024, 1024) == (1024, 1024)
    assert hidream.of_one_area(1024, 16, 512, 512) == (1024, 1024)
