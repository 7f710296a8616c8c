"""HunyuanDiT in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DDPMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
from tiny_autoencoders import autoencoder_kl
from tiny_texts import bert_encoder, bert_tokenizer, t5_encoder, t5_tokenizer


def tiny_hunyuan_dit(folder: Path) -> Path:
    bert, t5 = bert_tokenizer(), t5_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = HunyuanDiT2DModel(
            sample_size=16,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            in_channels=4,
            hidden_size=16,
            cross_attention_dim=16,
            cross_attention_dim_t5=32,
            pooled_projection_dim=16,
            use_style_cond_and_image_meta_size=False,
        )
    vae = autoencoder_kl(scaling_factor=0.13025, shift_factor=None, use_quant_conv=True, use_post_quant_conv=True)
    HunyuanDiTPipeline(
        vae=vae,
        text_encoder=bert_encoder(bert, width=16),
        tokenizer=bert,
        transformer=transformer.eval(),
        scheduler=DDPMScheduler(beta_start=0.00085, beta_end=0.02, prediction_type="v_prediction", steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=t5_encoder(t5),
        tokenizer_2=t5,
    ).save_pretrained(folder)
    return folder
