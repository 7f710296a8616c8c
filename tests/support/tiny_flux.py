"""FLUX.1 in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import tiny_models
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from tiny_texts import t5_encoder, t5_tokenizer
from transformers import CLIPTextModel


def flux(folder: Path, *, guidance_embeds: bool, layers: int = 1) -> Path:
    """dev, or, without the embedding of the guidance, schnell."""
    clip, t5 = tiny_models.clip_tokenizer(folder / "tokenizer", pad="<|endoftext|>"), t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        text_encoder = CLIPTextModel(tiny_models.text_config(clip, width=24, activation="quick_gelu"))
        transformer = FluxTransformer2DModel(
            in_channels=16,
            num_layers=layers,
            num_single_layers=layers,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=24,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=guidance_embeds,
        )
        vae = AutoencoderKL(
            latent_channels=4,
            block_out_channels=(8, 8, 8, 16),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
            scaling_factor=0.3611,
            shift_factor=0.1159,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=guidance_embeds)
    pipe = FluxPipeline(scheduler, vae.eval(), text_encoder.eval(), clip, t5_encoder(t5), t5, transformer.eval())
    pipe.save_pretrained(folder)
    return folder
