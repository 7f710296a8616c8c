"""FLUX.2 klein in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel
from stock_families import (
    as_published,
)
from tiny_autoencoders import autoencoder_flux2
from tiny_language_models import qwen3_causal, qwen_tokenizer


def klein(folder: Path, *, is_distilled: bool) -> Path:
    """Of 27 layers of text are read the 9th, the 18th and the 27th."""
    tokenizer = qwen_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=3 * 16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    parts = (scheduler, autoencoder_flux2(), qwen3_causal(tokenizer, 27), tokenizer, transformer.eval())
    Flux2KleinPipeline(*parts, is_distilled=is_distilled).save_pretrained(folder)
    return as_published(folder, tokenizer="Qwen2TokenizerFast")
