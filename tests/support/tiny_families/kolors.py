"""Kolors in the published layout, with tiny random weights."""

from __future__ import annotations

import io
from pathlib import Path

import tiny_models
import torch
from diffusers import EulerDiscreteScheduler, KolorsPipeline
from stock_families import PROMPTS

WIDTH = 32


def kolors(folder: Path) -> Path:
    """Write Kolors: a ChatGLM of two layers, its tokenizer, and the UNet of SDXL with a projection of the text."""
    import sentencepiece
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel
    from diffusers.pipelines.kolors.tokenizer import ChatGLMTokenizer

    model = io.BytesIO()
    texts = iter([*PROMPTS, "the photo of a red cat on the grass with an apple", "a 猫 on 草"] * 5)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=texts, model_writer=model, vocab_size=48, hard_vocab_limit=False, minloglevel=2
    )
    folder.mkdir(parents=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    tokenizer = ChatGLMTokenizer(str(folder / "tokenizer.model"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        text_encoder = ChatGLMModel(
            ChatGLMConfig(
                num_layers=2,
                padded_vocab_size=tokenizer.vocab_size,
                hidden_size=WIDTH,
                ffn_hidden_size=2 * WIDTH,
                kv_channels=8,
                num_attention_heads=4,
                seq_length=256,
                multi_query_attention=True,
                multi_query_group_num=2,
                add_qkv_bias=True,
                original_rope=True,
            )
        )
        for name, tensor in text_encoder.named_parameters():
            # ChatGLM leaves the weights of its norms as memory is found.
            torch.nn.init.ones_(tensor) if "norm" in name else torch.nn.init.normal_(tensor, std=0.1)
        unet = tiny_models._unet(
            encoder_hid_dim=WIDTH,
            encoder_hid_dim_type="text_proj",
            cross_attention_dim=48,
            attention_head_dim=[2, 4],
            use_linear_projection=True,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        )
        vae = tiny_models._vae(scaling_factor=0.13025)
    scheduler = EulerDiscreteScheduler(**tiny_models._BETAS, steps_offset=1, timestep_spacing="leading")
    pipe = KolorsPipeline(
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=scheduler,
        force_zeros_for_empty_prompt=False,
    )
    pipe.save_pretrained(folder)
    (folder / "tokenizer.model").unlink()
    return folder
