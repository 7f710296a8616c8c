"""Wan as text-to-image on tiny random weights in the published layout: as the stock pipeline draws a film of one picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_texts import t5_encoder, t5_tokenizer

SIZE = {"height": 32, "width": 48}
ONE = {"num_frames": 1}


def network(seed: int) -> WanTransformer3DModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=4,
            text_dim=32,
            freq_dim=16,
            ffn_dim=24,
            num_layers=1,
            rope_max_seq_len=32,
        ).eval()


def wan(folder: Path, *, networks: int) -> Path:
    """Wan 2.1, or, with two networks, 2.2."""
    tokenizer = t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        vae = AutoencoderKLWan(
            base_dim=4,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            latents_mean=[-0.7, 0.1, 0.9, -0.2],
            latents_std=[2.8, 1.4, 2.3, 1.9],
        )
    WanPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder(tokenizer, kind="umt5"),
        vae=vae.eval(),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        transformer=network(6),
        transformer_2=network(8) if networks == 2 else None,
        boundary_ratio=0.875 if networks == 2 else None,
    ).save_pretrained(folder)
    return folder


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
    holds_in_stock_code(golden, stock_pipe(wan22), "frames", **call)


def test_what_it_cannot_do_is_refused(wan21: Path) -> None:
    assert "multiples of 16, not 40" in refused(wan21, height=40)
    assert "sampling.call.num_frames: is always 1 here" in refused(wan21, call={"num_frames": 5})
