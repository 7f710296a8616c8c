"""PixArt-alpha and PixArt-Sigma in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    PixArtAlphaPipeline,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
)
from tiny_autoencoders import autoencoder_kl
from tiny_texts import t5_encoder, t5_tokenizer


def pixart(folder: Path, *, sigma: bool) -> Path:
    """alpha is told size and aspect of its pictures, where its sample size is 128."""
    tokenizer = t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = PixArtTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=8,
            num_layers=1,
            cross_attention_dim=24,
            caption_channels=32,
            sample_size=128,
            use_additional_conditions=not sigma,
        )
    betas = {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"}
    kind = PixArtSigmaPipeline if sigma else PixArtAlphaPipeline
    scheduler = DPMSolverMultistepScheduler(**betas)
    vae = autoencoder_kl(scaling_factor=0.18215, shift_factor=None, use_quant_conv=True, use_post_quant_conv=True)
    kind(tokenizer, t5_encoder(tokenizer), vae, transformer.eval(), scheduler).save_pretrained(folder)
    return folder
