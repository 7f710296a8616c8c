"""Wan 2.1 and 2.2 in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from tiny_texts import t5_encoder, t5_tokenizer


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
