"""Z-Image in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import qwen3, qwen_tokenizer


def tiny_z_image(folder: Path) -> Path:
    tokenizer = qwen_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = ZImageTransformer2DModel(
            in_channels=4,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=16,
            axes_dims=[4, 6, 6],
            axes_lens=[128, 32, 32],
        )
        for name in ("x_pad_token", "cap_pad_token"):
            torch.nn.init.normal_(getattr(transformer, name))
    scheduler = FlowMatchEulerDiscreteScheduler(shift=6.0)
    encoders = (qwen3(tokenizer, 2), tokenizer)
    ZImagePipeline(scheduler, autoencoder_kl(), *encoders, transformer.eval()).save_pretrained(folder)
    return folder
