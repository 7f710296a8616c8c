"""Chroma in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import ChromaPipeline, ChromaTransformer2DModel, FlowMatchEulerDiscreteScheduler
from tiny_autoencoders import autoencoder_kl
from tiny_texts import t5_encoder, t5_tokenizer


def tiny_chroma(folder: Path) -> Path:
    t5 = t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = ChromaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=(4, 4, 8),
            approximator_num_channels=8,
            approximator_hidden_dim=16,
            approximator_layers=1,
        )
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    ChromaPipeline(scheduler, autoencoder_kl(), t5_encoder(t5), t5, transformer.eval()).save_pretrained(folder)
    return folder
