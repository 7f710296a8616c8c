"""Lumina-Image 2.0 in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Lumina2Pipeline, Lumina2Transformer2DModel
from stock_families import (
    as_published,
)
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import gemma2, gemma_tokenizer


def tiny_lumina2(folder: Path) -> Path:
    tokenizer = gemma_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = Lumina2Transformer2DModel(
            sample_size=8,
            in_channels=4,
            hidden_size=24,
            num_layers=1,
            num_refiner_layers=1,
            num_attention_heads=2,
            num_kv_heads=1,
            multiple_of=8,
            axes_dim_rope=(4, 4, 4),
            axes_lens=(300, 32, 32),
            cap_feat_dim=16,
        )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=6.0)
    parts = (transformer.eval(), scheduler, autoencoder_kl(), gemma2(tokenizer), tokenizer)
    Lumina2Pipeline(*parts).save_pretrained(folder)
    return as_published(folder, tokenizer="GemmaTokenizerFast")
