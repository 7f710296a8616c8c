"""FLUX.1 Kontext in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import tiny_models
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel
from stock_families import (
    as_published,
)
from tiny_autoencoders import autoencoder_kl
from tiny_texts import t5_encoder, t5_tokenizer
from transformers import CLIPTextModel


def tiny_kontext(folder: Path) -> Path:
    clip, t5 = tiny_models.clip_tokenizer(folder / "tokenizer", pad="<|endoftext|>"), t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        text_encoder = CLIPTextModel(tiny_models.text_config(clip, width=24, activation="quick_gelu"))
        transformer = FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=24,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=True,
        )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    encoders = (text_encoder.eval(), clip, t5_encoder(t5), t5)
    FluxKontextPipeline(scheduler, autoencoder_kl(), *encoders, transformer.eval()).save_pretrained(folder)
    return as_published(folder, tokenizer_2="T5TokenizerFast")
