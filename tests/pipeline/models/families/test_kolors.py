"""Kolors: pictures equal to the stock pipeline's, a golden list that holds in it, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from diffusers import EulerDiscreteScheduler, KolorsPipeline
from stock_families import PROMPTS, by_seedscope, by_stock, golden_list, holds_in_stock_code, stock_pipe, study

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import locate

sentencepiece = pytest.importorskip("sentencepiece")
WIDTH = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kolors(tmp_path_factory.mktemp("models") / "kolors")


def kolors(folder: Path) -> Path:
    """Write Kolors: a ChatGLM of two layers, its tokenizer, and the UNet of SDXL with a projection of the text."""
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


@pytest.mark.parametrize("sampling", [{}, {"guidance": {"scale": 4.0, "negative_prompt": "red"}}, {"height": 48}])
def test_pixels_equal_stock(folder: Path, tmp_path: Path, sampling: dict[str, object]) -> None:
    wanted = study(folder, batch_size=1, **sampling)
    call = {"negative_prompt": wanted.sampling.guidance.negative_prompt or None, "height": wanted.sampling.height}
    expected = by_stock(stock_pipe(folder), guidance_scale=4.0, **call)
    np.testing.assert_array_equal(by_seedscope(wanted, tmp_path), expected)


def test_a_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    golden = golden_list(folder, tmp_path)
    holds_in_stock_code(golden, stock_pipe(folder), num_inference_steps=2, guidance_scale=4.0)


def test_what_its_steps_do_not_know_is_refused(folder: Path) -> None:
    wanted = study(folder, clip_skip=1)
    located = locate(wanted.model)
    with pytest.raises(ModelError, match="sampling.clip_skip: the steps of a KolorsPipeline .* knows no such argument"):
        located.family.refuse(located.pipeline, wanted.sampling, by_prompt=True)


def test_without_sentencepiece_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs sentencepiece. Install it: pip install sentencepiece"):
        locate(study(folder).model)
