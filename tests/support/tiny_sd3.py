"""Stable Diffusion 3 in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import tiny_models
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from tiny_autoencoders import autoencoder_kl
from tiny_texts import t5_encoder, t5_tokenizer
from transformers import CLIPTextModelWithProjection


def sd3(folder: Path, *, t5: bool = True, layers: int = 1) -> Path:
    """With its T5 encoder, or, as many run it, without."""
    clips = [
        tiny_models.clip_tokenizer(folder / f"tokenizer{n}", pad=pad) for n, pad in (("", "<|endoftext|>"), ("_2", "!"))
    ]
    config = tiny_models.text_config(clips[0], width=16, activation="quick_gelu")
    tokenizer_3 = t5_tokenizer() if t5 else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        encoders = [CLIPTextModelWithProjection(config).eval() for _ in clips]
        transformer = SD3Transformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=4,
            num_layers=layers,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=32,
            caption_projection_dim=32,
            pooled_projection_dim=32,
            out_channels=4,
            pos_embed_max_size=16,
        )
    StableDiffusion3Pipeline(
        transformer.eval(),
        FlowMatchEulerDiscreteScheduler(shift=3.0),
        autoencoder_kl(),
        encoders[0],
        clips[0],
        encoders[1],
        clips[1],
        None if tokenizer_3 is None else t5_encoder(tokenizer_3),
        tokenizer_3,
    ).save_pretrained(folder)
    return folder
