"""Qwen-Image 2.1 in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImage21Pipeline, QwenImage21Transformer2DModel
from tiny_autoencoders import autoencoder_qwen21
from tiny_language_models import qwen3_vl, qwen3_vl_processor


def qwen21(folder: Path, sample_sigmas: list[float] | None) -> Path:
    processor = qwen3_vl_processor()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = QwenImage21Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            context_in_dim=16,
            axes_dims_rope=(4, 6, 6),
        )
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    parts = (scheduler, autoencoder_qwen21(), qwen3_vl(processor), processor, transformer.eval())
    QwenImage21Pipeline(*parts, sample_sigmas=sample_sigmas).save_pretrained(folder)
    return folder
