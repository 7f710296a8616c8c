"""Stable Diffusion folders in the published layouts, small enough to be written and run in a second.

The weights are random, from a fixed seed; the configurations are the published ones with smaller widths, so that
whatever depends on the family (prediction type, activation, padding token, second text encoder, time ids) is there.
Pictures are 64 x 64, latents (4, 8, 8).
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    SchedulerMixin,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

LATENT_SHAPE = (4, 8, 8)

_START, _END = "<|startoftext|>", "<|endoftext|>"
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
_WORDS = ["photo", "of", "the", "with", "and", "red", "blue", "green", "painting", "picture", "small", "large"]


def sd1(folder: Path, seed: int = 0) -> Path:
    """Write Stable Diffusion 1.x: epsilon prediction, quick GELU, PNDM, padding with the end token."""
    scheduler = PNDMScheduler(**_BETAS, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1)
    tokenizer = clip_tokenizer(folder / "tokenizer", pad=_END)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text_encoder = CLIPTextModel(text_config(tokenizer, width=32, activation="quick_gelu"))
        unet = _unet(cross_attention_dim=32, attention_head_dim=8)
        vae = _vae(scaling_factor=0.18215)
    return _save_sd(folder, scheduler, tokenizer, text_encoder, unet, vae)


def sd2(folder: Path, seed: int = 1) -> Path:
    """Write Stable Diffusion 2.x: v prediction, GELU, DDIM, linear projections, heads by block, padding with "!"."""
    scheduler = DDIMScheduler(
        **_BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction"
    )
    tokenizer = clip_tokenizer(folder / "tokenizer", pad="!")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text_encoder = CLIPTextModel(text_config(tokenizer, width=48, activation="gelu"))
        unet = _unet(cross_attention_dim=48, attention_head_dim=[2, 4], use_linear_projection=True)
        vae = _vae(scaling_factor=0.18215)
    return _save_sd(folder, scheduler, tokenizer, text_encoder, unet, vae)


def sd2_inpaint(folder: Path, seed: int = 4) -> Path:
    """Write Stable Diffusion 2 inpainting: 4 channels of latents, the mask, 4 channels of the masked picture; epsilon."""
    scheduler = PNDMScheduler(**_BETAS, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1)
    tokenizer = clip_tokenizer(folder / "tokenizer", pad="!")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text_encoder = CLIPTextModel(text_config(tokenizer, width=48, activation="gelu"))
        unet = _unet(in_channels=9, cross_attention_dim=48, attention_head_dim=[2, 4], use_linear_projection=True)
        vae = _vae(scaling_factor=0.18215)
    return _save_sd(folder, scheduler, tokenizer, text_encoder, unet, vae, StableDiffusionInpaintPipeline)


def sdxl(folder: Path, seed: int = 2) -> Path:
    """Write Stable Diffusion XL: two text encoders, size and crop as time ids, Euler."""
    scheduler = EulerDiscreteScheduler(**_BETAS, steps_offset=1, timestep_spacing="leading")
    return _save_sdxl(folder, scheduler, seed)


def sdxl_turbo(folder: Path, seed: int = 3) -> Path:
    """Write SDXL-Turbo: as SDXL, with ancestral Euler at trailing timesteps (one step, no guidance, in practice)."""
    scheduler = EulerAncestralDiscreteScheduler(**_BETAS, steps_offset=1, timestep_spacing="trailing")
    return _save_sdxl(folder, scheduler, seed)


def sdxl_inpaint(folder: Path, seed: int = 5) -> Path:
    """Write SDXL inpainting: 4 channels of latents, the mask, 4 channels of the masked picture."""
    scheduler = EulerDiscreteScheduler(**_BETAS, steps_offset=1, timestep_spacing="leading")
    return _save_sdxl(folder, scheduler, seed, StableDiffusionXLInpaintPipeline, in_channels=9)


FAMILIES = {"sd1": sd1, "sd2": sd2, "sdxl": sdxl, "sdxl_turbo": sdxl_turbo}


def _save_sd(
    folder: Path,
    scheduler: SchedulerMixin,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    kind: type[StableDiffusionPipeline] | type[StableDiffusionInpaintPipeline] = StableDiffusionPipeline,
) -> Path:
    pipe = kind(
        scheduler=scheduler,
        tokenizer=tokenizer,
        text_encoder=text_encoder.eval(),
        unet=unet.eval(),
        vae=vae.eval(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    _tokenizer_files(folder / "tokenizer", tokenizer.pad_token)
    return folder


def _save_sdxl(
    folder: Path,
    scheduler: SchedulerMixin,
    seed: int,
    kind: type[StableDiffusionXLPipeline] | type[StableDiffusionXLInpaintPipeline] = StableDiffusionXLPipeline,
    **config: object,
) -> Path:
    tokenizer = clip_tokenizer(folder / "tokenizer", pad=_END)
    tokenizer_2 = clip_tokenizer(folder / "tokenizer_2", pad="!")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text_encoder = CLIPTextModel(text_config(tokenizer, width=24, activation="quick_gelu"))
        text_encoder_2 = CLIPTextModelWithProjection(text_config(tokenizer, width=40, activation="gelu"))
        unet = _unet(
            cross_attention_dim=24 + 40,
            attention_head_dim=[2, 4],
            use_linear_projection=True,
            transformer_layers_per_block=[1, 2],
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 40,
            **config,
        )
        vae = _vae(scaling_factor=0.13025)
    pipe = kind(
        scheduler=scheduler,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer_2,
        text_encoder=text_encoder.eval(),
        text_encoder_2=text_encoder_2.eval(),
        unet=unet.eval(),
        vae=vae.eval(),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    _tokenizer_files(folder / "tokenizer", _END)
    _tokenizer_files(folder / "tokenizer_2", "!")
    return folder


def _unet(**config: object) -> UNet2DConditionModel:
    settings: dict[str, object] = {
        "sample_size": LATENT_SHAPE[1],
        "in_channels": LATENT_SHAPE[0],
        "out_channels": LATENT_SHAPE[0],
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    return UNet2DConditionModel(**(settings | config))


def _vae(scaling_factor: float) -> AutoencoderKL:
    return AutoencoderKL(
        sample_size=64,
        latent_channels=LATENT_SHAPE[0],
        block_out_channels=(8, 8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=scaling_factor,
    )


def text_config(tokenizer: CLIPTokenizer, *, width: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=4,
        projection_dim=width,
        max_position_embeddings=77,
        hidden_act=activation,
        # As published, not the tokenizer's numbers: 2 makes transformers pool at the highest id, the end token.
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )


def clip_tokenizer(folder: Path, pad: str) -> CLIPTokenizer:
    _tokenizer_files(folder, pad)
    return CLIPTokenizer.from_pretrained(folder)


def _tokenizer_files(folder: Path, pad: str) -> None:
    """Write a CLIP tokenizer as published: vocab.json, merges.txt and two small configs; most words go by letters."""
    for file in folder.glob("*"):
        file.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    merges = _merges()
    letters = byte_letters()
    pieces = letters + [f"{letter}</w>" for letter in letters] + ["".join(pair) for pair in merges]
    vocab = {piece: number for number, piece in enumerate([*pieces, _START, _END])}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, merges)]) + "\n")
    special = {"bos_token": _START, "eos_token": _END, "unk_token": _END, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **special})
    )


def byte_letters() -> list[str]:
    """Byte-level BPE's 256 printable stand-ins for bytes, "!" first, as in CLIP."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]


def _merges() -> list[tuple[str, str]]:
    """Merge each of a few words from left to right."""
    merges = []
    for word in _WORDS:
        letters = [*word[:-1], f"{word[-1]}</w>"]
        merges += [("".join(letters[:end]), letters[end]) for end in range(1, len(letters))]
    return list(dict.fromkeys(merges))
