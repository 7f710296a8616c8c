"""Tokenizers and text encoders of the published kinds, made on the spot and small; weights are random, from a fixed seed."""

from __future__ import annotations

import string

import torch
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ("▁a", "▁red", "▁cat", "▁on", "▁grass", "▁apple", "▁the", "▁photo", "▁of")
SPECIAL = 100


def t5_tokenizer() -> T5Tokenizer:
    """A Unigram tokenizer of a few words and all letters, with the 100 sentinels of T5 at the end."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(word, -2.0) for word in WORDS] + [("▁", -5.0)] + [(letter, -9.0) for letter in string.printable.strip()]
    return T5Tokenizer(vocab=pieces, extra_ids=SPECIAL, model_max_length=512)


def t5_encoder(tokenizer: T5Tokenizer, width: int = 32, kind: str = "t5") -> T5EncoderModel | UMT5EncoderModel:
    """A T5 1.1 encoder (gated GELU, no sharing of the input's embedding) of one layer."""
    config = {"t5": T5Config, "umt5": UMT5Config}[kind](
        vocab_size=len(tokenizer),
        d_model=width,
        d_kv=8,
        d_ff=2 * width,
        num_layers=1,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        dense_act_fn="gelu_new",
        is_gated_act=True,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return {"t5": T5EncoderModel, "umt5": UMT5EncoderModel}[kind](config).eval()


def bert_tokenizer() -> BertTokenizer:
    """A WordPiece tokenizer of a few words and all letters."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [letter for letter in string.printable.strip() if not letter.isupper()]
    pieces = [*special, *(word.strip("▁") for word in WORDS), *letters, *(f"##{letter}" for letter in letters)]
    return BertTokenizer(
        vocab={piece: number for number, piece in enumerate(dict.fromkeys(pieces))}, model_max_length=77
    )


def bert_encoder(tokenizer: BertTokenizer, width: int) -> BertModel:
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=width,
        max_position_embeddings=77,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return BertModel(config).eval()
