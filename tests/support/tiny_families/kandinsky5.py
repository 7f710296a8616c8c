"""Kandinsky 5 text-to-image in the published layout, with tiny random weights."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Kandinsky5T2IPipeline, Kandinsky5Transformer3DModel
from tiny_autoencoders import autoencoder_kl
from tiny_language_models import VISION_TOKENS, qwen25_vl, qwen_tokenizer
from transformers import CLIPTextModel, Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen3VLVideoProcessor

from seedscope.pipeline.models.families import kandinsky5


def of_small_sizes(patch: pytest.MonkeyPatch) -> None:
    """The pipeline's own list of sizes, which are of a megapixel each, with two small ones in its place."""
    made = Kandinsky5T2IPipeline.__init__

    @wraps(made)
    def small(pipe: Any, *args: Any, **parts: Any) -> None:
        made(pipe, *args, **parts)
        pipe.resolutions = [(48, 32), (32, 48)]

    patch.setattr(Kandinsky5T2IPipeline, "__init__", small)
    patch.setattr(kandinsky5, "SIZES", ((32, 48), (48, 32)))


def tiny_kandinsky5(folder: Path) -> Path:
    clip, qwen = tiny_models.clip_tokenizer(folder / "tokenizer_2", pad="!"), qwen_tokenizer(VISION_TOKENS)
    processor = Qwen2_5_VLProcessor(Qwen2VLImageProcessor(), qwen, Qwen3VLVideoProcessor())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        transformer = Kandinsky5Transformer3DModel(
            in_visual_dim=4,
            in_text_dim=16,
            in_text_dim2=24,
            time_dim=16,
            out_visual_dim=4,
            model_dim=16,
            ff_dim=16,
            num_text_blocks=1,
            num_visual_blocks=1,
            axes_dims=(4, 2, 2),
        )
        for parameter in transformer.parameters():
            if not parameter.any():  # the gates of a network that was not trained let nothing through
                parameter.data.normal_(0, 0.5)
        text_encoder_2 = CLIPTextModel(tiny_models.text_config(clip, width=24, activation="quick_gelu"))
    Kandinsky5T2IPipeline(
        transformer=transformer.eval(),
        vae=autoencoder_kl(),
        text_encoder=qwen25_vl(qwen),
        tokenizer=processor,
        text_encoder_2=text_encoder_2.eval(),
        tokenizer_2=clip,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
    ).save_pretrained(folder)
    return folder
