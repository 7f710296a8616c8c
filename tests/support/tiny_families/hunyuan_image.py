"""HunyuanImage 2.1 in the published layout, with tiny random weights."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AdaptiveProjectedMixGuidance,
    AutoencoderKLHunyuanImage,
    FlowMatchEulerDiscreteScheduler,
    HunyuanImagePipeline,
    HunyuanImageTransformer2DModel,
)
from tiny_language_models import qwen25_vl, qwen_tokenizer
from transformers import ByT5Tokenizer, T5Config, T5EncoderModel


def hunyuan(folder: Path, *, distilled: bool) -> Path:
    qwen = qwen_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = HunyuanImageTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            guidance_embeds=distilled,
            text_embed_dim=16,
            text_embed_2_dim=16,
            rope_axes_dim=(4, 4),
            use_meanflow=distilled,
        )
        vae = AutoencoderKLHunyuanImage(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(32, 32, 32, 32),
            layers_per_block=1,
            spatial_compression_ratio=8,
            sample_size=64,
            scaling_factor=0.75289,
        )
        config = T5Config(vocab_size=384, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        glyphs = T5EncoderModel(config)
    guiders = {
        "guider": AdaptiveProjectedMixGuidance(guidance_scale=4.0, adaptive_projected_guidance_start_step=0),
        "ocr_guider": AdaptiveProjectedMixGuidance(guidance_scale=2.0, adaptive_projected_guidance_start_step=9),
    }
    HunyuanImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
        vae=vae.eval(),
        text_encoder=qwen25_vl(qwen, layers=2),
        tokenizer=qwen,
        text_encoder_2=glyphs.eval(),
        tokenizer_2=ByT5Tokenizer(),
        transformer=transformer.eval(),
        **({} if distilled else guiders),
    ).save_pretrained(folder)
    return folder


def with_short_texts(patch: pytest.MonkeyPatch) -> None:
    """Texts padded to fewer tokens than the 1,000 of the pipeline, through which a network goes slowly."""
    made = HunyuanImagePipeline.__init__

    @wraps(made)
    def short(pipe: Any, *args: Any, **parts: Any) -> None:
        made(pipe, *args, **parts)
        pipe.tokenizer_max_length = pipe.tokenizer_2_max_length = 32

    patch.setattr(HunyuanImagePipeline, "__init__", short)
