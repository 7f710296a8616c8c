"""A FLUX.1 of one layer in the published layout, with random weights from a fixed seed, made on the spot."""

import string
from pathlib import Path
from typing import Any

from seedscope.pipeline.models.locate import bundled

WIDTH = 32
"""Of a word of the T5 text."""


def tiny_flux(folder: Path) -> Path:
    """Write the model into a folder, unless it is there: pictures are multiples of 16 pixels, latents (16, H / 8, W / 8).

    Its autoencoder and its CLIP text encoder are those of the bundled sprout.
    """
    if (folder / "model_index.json").exists():
        return folder
    import diffusers
    import torch
    from transformers import AutoTokenizer, CLIPTextModel

    sprout = bundled()["sprout"]
    of: Any = diffusers
    vae = of.AutoencoderKL.from_pretrained(sprout / "vae", shift_factor=0.0)
    clip = CLIPTextModel.from_pretrained(sprout / "text_encoder")
    tokenizer = AutoTokenizer.from_pretrained(sprout / "tokenizer")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformer, (words, t5) = _transformer(clip.config.hidden_size), _t5()
    scheduler = of.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    of.FluxPipeline(scheduler, vae, clip, tokenizer, t5, words, transformer).save_pretrained(folder)
    return folder


def _transformer(pooled: int) -> Any:
    import diffusers

    of: Any = diffusers

    return of.FluxTransformer2DModel(
        in_channels=4 * 16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=pooled,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    ).eval()


def _t5() -> tuple[Any, Any]:
    """A Unigram tokenizer that goes by letters, and an encoder of one layer."""
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -5.0)]
    pieces += [(letter, -9.0) for letter in string.printable.strip()]
    tokenizer: Any = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        d_kv=8,
        d_ff=2 * WIDTH,
        num_layers=1,
        num_heads=4,
        feed_forward_proj="gated-gelu",
    )
    encoder: Any = T5EncoderModel(config)
    return tokenizer, encoder.eval()
