"""Qwen-Image in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImagePipeline, QwenImageTransformer2DModel
from tiny_autoencoders import autoencoder_qwen
from tiny_language_models import qwen25_vl, qwen_tokenizer


def tiny_qwen_image(folder: Path) -> Path:
    tokenizer = qwen_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(4, 6, 6),
        )
    scheduler = FlowMatchEulerDiscreteScheduler(
        base_shift=0.5,
        max_shift=0.9,
        max_image_seq_len=8192,
        shift_terminal=0.02,
        time_shift_type="exponential",
        use_dynamic_shifting=True,
    )
    encoders = (qwen25_vl(tokenizer), tokenizer)
    QwenImagePipeline(scheduler, autoencoder_qwen(), *encoders, transformer.eval()).save_pretrained(folder)
    return folder
