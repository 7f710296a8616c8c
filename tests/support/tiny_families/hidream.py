"""HiDream-I1 in the published layout, with tiny random weights."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, HiDreamImagePipeline, HiDreamImageTransformer2DModel
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import glm_tokenizer
from tiny_texts import t5_encoder, t5_tokenizer
from transformers import CLIPTextModelWithProjection, LlamaConfig, LlamaForCausalLM

from seedscope.pipeline.models.families import hidream

CELLS = 4


def of_small_area(patch: pytest.MonkeyPatch) -> None:
    """A smaller area than the megapixel to which the pipeline scales all pictures."""
    made = HiDreamImagePipeline.__init__

    @wraps(made)
    def small(pipe: Any, *args: Any, **parts: Any) -> None:
        made(pipe, *args, **parts)
        pipe.default_sample_size = CELLS

    patch.setattr(HiDreamImagePipeline, "__init__", small)
    patch.setattr(hidream, "CELLS", CELLS)


def tiny_hidream(folder: Path) -> Path:
    clips = [
        tiny_models.clip_tokenizer(folder / f"tokenizer{n}", pad=pad) for n, pad in (("", "<|endoftext|>"), ("_2", "!"))
    ]
    t5, llama = t5_tokenizer(), glm_tokenizer()
    config = tiny_models.text_config(clips[0], width=16, activation="gelu")
    # As long as the prompts that the pipeline lets through.
    config.max_position_embeddings = 128
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        encoders = [CLIPTextModelWithProjection(config).eval() for _ in clips]
        text_encoder_4 = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(llama),
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                initializer_range=0.5,
                attn_implementation="eager",
            )
        )
        transformer = HiDreamImageTransformer2DModel(
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=[32, 16],
            text_emb_dim=32,
            axes_dims_rope=(4, 2, 2),
            max_resolution=(8, 8),
            llama_layers=(0, 1),
        )
    HiDreamImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=autoencoder_kl(),
        text_encoder=encoders[0],
        tokenizer=clips[0],
        text_encoder_2=encoders[1],
        tokenizer_2=clips[1],
        text_encoder_3=t5_encoder(t5),
        tokenizer_3=t5,
        text_encoder_4=text_encoder_4.eval(),
        tokenizer_4=llama,
        transformer=transformer.eval(),
    ).save_pretrained(folder)
    return folder
