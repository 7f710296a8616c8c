"""Autoencoders of the published kinds, small and random: a cell of the latents is 8 x 8 pixels, if nothing else is said."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderKLFlux2, AutoencoderKLQwenImage, AutoencoderKLQwenImage21

_KL: dict[str, Any] = {
    "block_out_channels": (8, 8, 8, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "latent_channels": 4,
}


def autoencoder_kl(**settings: Any) -> AutoencoderKL:
    """As FLUX.1's, with 4 channels."""
    flux = {"scaling_factor": 0.3611, "shift_factor": 0.1159, "use_quant_conv": False, "use_post_quant_conv": False}
    return _made(AutoencoderKL, _KL | flux | settings)


def autoencoder_flux2() -> AutoencoderKLFlux2:
    """With a mean and a variance of its own for each of its 16 packed channels."""
    made = _made(AutoencoderKLFlux2, _KL)
    made.bn.running_mean.copy_(torch.linspace(-0.5, 0.5, 16))
    made.bn.running_var.copy_(torch.linspace(0.5, 2, 16))
    return made


def autoencoder_qwen() -> AutoencoderKLQwenImage:
    return _made(
        AutoencoderKLQwenImage,
        {
            "base_dim": 4,
            "z_dim": 4,
            "dim_mult": [1, 1, 1, 1],
            "num_res_blocks": 1,
            "latents_mean": [-0.7, 0.1, 0.9, -0.2],
            "latents_std": [2.8, 1.4, 2.3, 1.9],
        },
    )


def autoencoder_qwen21() -> AutoencoderKLQwenImage21:
    """16 x 16 pixels a cell, and pictures with an alpha channel."""
    return _made(
        AutoencoderKLQwenImage21,
        {
            "base_dim": 4,
            "decoder_base_dim": 4,
            "z_dim": 4,
            "dim_mult": [1, 1, 1, 1, 1],
            "num_res_blocks": 1,
            "latents_mean": [-0.7, 0.1, 0.9, -0.2],
            "latents_std": [2.8, 1.4, 2.3, 1.9],
        },
    )


def _made(kind: Any, settings: dict[str, Any]) -> Any:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(7)
        return kind(**settings).eval()
