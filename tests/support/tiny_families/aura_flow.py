"""AuraFlow in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AuraFlowPipeline, AuraFlowTransformer2DModel, FlowMatchEulerDiscreteScheduler
from tiny_autoencoders import autoencoder_kl
from tiny_texts import t5_encoder, t5_tokenizer


def tiny_aura_flow(folder: Path) -> Path:
    tokenizer = t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = AuraFlowTransformer2DModel(
            sample_size=16,
            in_channels=4,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pos_embed_max_size=64,
        )
    vae = autoencoder_kl(scaling_factor=0.13025, shift_factor=None, use_quant_conv=True, use_post_quant_conv=True)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=1.73)
    encoder = t5_encoder(tokenizer, kind="umt5")
    AuraFlowPipeline(tokenizer, encoder, vae, transformer.eval(), scheduler).save_pretrained(folder)
    return folder
