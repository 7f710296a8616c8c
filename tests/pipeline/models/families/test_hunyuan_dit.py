"""HunyuanDiT on tiny random weights in the published layout: as the stock pipeline draws, with noise between the steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
from ignored_arguments import are_as_said
from stock_families import (
    draws_as_stock,
    draws_batches_as_singles,
    golden_list,
    holds_in_stock_code,
    refused,
    stock_pipe,
)
from tiny_autoencoders import autoencoder_kl
from tiny_texts import bert_encoder, bert_tokenizer, t5_encoder, t5_tokenizer

SIZE = {"height": 32, "width": 48}
AS_ASKED = {"use_resolution_binning": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, bert, t5 = tmp_path_factory.mktemp("models") / "hunyuan-dit", bert_tokenizer(), t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = HunyuanDiT2DModel(
            sample_size=16,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            in_channels=4,
            hidden_size=16,
            cross_attention_dim=16,
            cross_attention_dim_t5=32,
            pooled_projection_dim=16,
            use_style_cond_and_image_meta_size=False,
        )
    vae = autoencoder_kl(scaling_factor=0.13025, shift_factor=None, use_quant_conv=True, use_post_quant_conv=True)
    HunyuanDiTPipeline(
        vae=vae,
        text_encoder=bert_encoder(bert, width=16),
        tokenizer=bert,
        transformer=transformer.eval(),
        scheduler=DDPMScheduler(beta_start=0.00085, beta_end=0.02, prediction_type="v_prediction", steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=t5_encoder(t5),
        tokenizer_2=t5,
    ).save_pretrained(folder)
    return folder


def test_single_pictures_are_the_stock_pipelines(folder: Path, tmp_path: Path) -> None:
    guidance, call = {"scale": 4.0, "negative_prompt": "grass"}, {"guidance_rescale": 0.5}
    draws_as_stock(
        folder,
        tmp_path / "guided",
        {**SIZE, "guidance": guidance, "call": call},
        {**SIZE, **AS_ASKED, **call, "guidance_scale": 4.0, "negative_prompt": "grass"},
    )
    without = {**SIZE, "guidance": {"scale": 1.0}}
    draws_as_stock(folder, tmp_path / "not", without, {**SIZE, **AS_ASKED, "guidance_scale": 1.0})


def test_a_batch_is_its_single_pictures(folder: Path, tmp_path: Path) -> None:
    draws_batches_as_singles(folder, tmp_path, **SIZE)


def test_its_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    golden = golden_list(folder, tmp_path, **SIZE)
    holds_in_stock_code(golden, stock_pipe(folder), **SIZE, **AS_ASKED, num_inference_steps=2, guidance_scale=4.0)


def test_what_it_cannot_do_is_refused(folder: Path) -> None:
    assert "multiples of 16, not 40" in refused(folder, height=40)
    assert "is always False here. Remove it." in refused(folder, call={"use_resolution_binning": True})


def test_which_arguments_of_its_call_shape_no_picture(folder: Path) -> None:
    changes = [{"guidance_rescale": 0.7}, {"negative_prompt": "grass"}]
    pipe = stock_pipe(folder)
    assert are_as_said(pipe, {**SIZE, **AS_ASKED, "guidance_scale": 1.0}, changes) == [
        set(change) for change in changes
    ]
    assert not any(are_as_said(pipe, {**SIZE, **AS_ASKED, "guidance_scale": 4.0}, changes))
