"""FLUX.2 dev in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Flux2Pipeline, Flux2Transformer2DModel
from tiny_autoencoders import autoencoder_flux2
from tiny_language_models import mistral3, mistral_processor


def tiny_flux2(folder: Path) -> Path:
    """Of 30 layers of text are read the 10th, the 20th and the 30th, if the call says nothing else."""
    processor = mistral_processor()
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
        )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    encoders = (mistral3(processor, 30), processor)
    Flux2Pipeline(scheduler, autoencoder_flux2(), *encoders, transformer.eval()).save_pretrained(folder)
    return folder
