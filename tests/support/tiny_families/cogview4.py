"""CogView4 in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import CogView4Pipeline, CogView4Transformer2DModel, FlowMatchEulerDiscreteScheduler
from stock_families import (
    as_published,
)
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import glm, glm_tokenizer


def tiny_cogview4(folder: Path) -> Path:
    tokenizer = glm_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = CogView4Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            text_embed_dim=16,
            time_embed_dim=16,
            condition_dim=4,
            sample_size=8,
            rope_axes_dim=(32, 32),
        )
    scheduler = FlowMatchEulerDiscreteScheduler(
        base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True, time_shift_type="linear"
    )
    vae = autoencoder_kl(scaling_factor=1.0, shift_factor=None)
    CogView4Pipeline(tokenizer, glm(tokenizer), vae, transformer.eval(), scheduler).save_pretrained(folder)
    return as_published(folder, tokenizer="PreTrainedTokenizerFast")
