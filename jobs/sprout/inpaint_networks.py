"""The untrained parts of sprout-inpaint, and what they take over from sprout.

Stock `StableDiffusionInpaintPipeline` wants 9 channels into its UNet: 4 of latents, 1 of the mask, 4 of the masked
picture. So the latents are 16 x 16 x 4 here, as many values as sprout's 8 x 8 x 16.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor, nn

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.networks import (
    WIDTH,
    AutoencoderKL,
    CLIPTextModel,
    UNet2DConditionModel,
    new_text_encoder,
    new_tokenizer,
    word_tokenizer,
)

StableDiffusionInpaintPipeline: Any = diffusers.StableDiffusionInpaintPipeline

LATENT_CHANNELS = 4
CELL = 4  # pixels to a latent, on each side
LATENT_SIDE = world.SIDE // CELL
UNET_CHANNELS = LATENT_CHANNELS + 1 + LATENT_CHANNELS


def new_inpaint_autoencoder() -> Any:
    """`AutoencoderKL`: float [n, 3, 64, 64] in -1..1 to latents [n, 4, 16, 16] and back."""
    return AutoencoderKL(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32, 64),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        mid_block_add_attention=False,
        sample_size=world.SIDE,
        scaling_factor=1.0,
        force_upcast=False,
    )


def new_inpaint_unet() -> Any:
    """`UNet2DConditionModel`: the velocity [n, 4, 16, 16] from latents, mask and masked latents [n, 9, 16, 16].

    Inside its outer level, which has no attention, it has the shape of sprout's.
    """
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=UNET_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=1,
        block_out_channels=(WIDTH // 2, WIDTH, WIDTH),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,  # diffusers' name for the number of heads
        norm_num_groups=16,
    )


def new_inpaint_tokenizer() -> Any:
    """Sprout's tokenizer with the words of `world.NOTHING` behind its own, whose numbers stay."""
    numbers = dict(new_tokenizer().get_vocab())
    for word in world.NOTHING.split():
        numbers.setdefault(word, len(numbers))
    return word_tokenizer(numbers)


def autoencoder_from_sprout(folder: Path) -> Any:
    """The autoencoder with the outer layers of sprout's, which has one level more."""
    vae = new_inpaint_autoencoder()
    started = AutoencoderKL.from_pretrained(folder, dtype=torch.float32).state_dict()
    _take_over(vae, started, {f"decoder.up_blocks.{i}.": f"decoder.up_blocks.{i + 1}." for i in (1, 2)})
    return vae


def unet_from_sprout(folder: Path) -> Any:
    """The UNet with the levels of sprout's inside its outer one."""
    unet = new_inpaint_unet()
    started = UNet2DConditionModel.from_pretrained(folder, dtype=torch.float32).state_dict()
    _take_over(unet, started, {f"down_blocks.{i + 1}.": f"down_blocks.{i}." for i in (0, 1)} | {"down_blocks.0.": ""})
    return unet


def text_encoder_from_sprout(folder: Path) -> Any:
    """Sprout's text encoder with rows for the new words."""
    words = len(new_inpaint_tokenizer())
    encoder = new_text_encoder(words)
    started = CLIPTextModel.from_pretrained(folder, dtype=torch.float32).state_dict()
    name = next(name for name in started if name.endswith("token_embedding.weight"))
    fresh = encoder.state_dict()[name]
    encoder.load_state_dict(started | {name: torch.cat([started[name], fresh[len(started[name]) :]])})
    return encoder


def _take_over(model: nn.Module, started: Mapping[str, Tensor], renamed: Mapping[str, str]) -> None:
    """Copy the weights whose names, after renaming their beginnings, and shapes agree; the others stay untrained."""
    state = model.state_dict()
    for name, value in state.items():
        source = name
        for new, old in renamed.items():
            if name.startswith(new):
                source = old + name.removeprefix(new)
        if source in started and started[source].shape == value.shape:
            state[name] = started[source]
    model.load_state_dict(state)
