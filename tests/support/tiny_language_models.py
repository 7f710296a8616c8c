"""Language models of the published kinds that encode prompts, with their tokenizers and chat templates, small and random."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import torch
from tiny_models import byte_letters
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    GlmConfig,
    GlmModel,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PixtralImageProcessor,
    PixtralProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

QWEN_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{{ message.content[0].text }}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Of Qwen 3's template what a prompt and a system prompt come through."""
MISTRAL_TOKENS = ("<unk>", "<s>", "</s>", "<pad>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")
PIXTRAL_TOKENS = ("[IMG]", "[IMG_BREAK]", "[IMG_END]")
MISTRAL_CHAT = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}"
    "[SYSTEM_PROMPT]{{ message.content[0].text }}[/SYSTEM_PROMPT]{% else %}[INST]{{ message.content[0].text }}[/INST]"
    "{% endif %}{% endfor %}"
)
GLM_TOKENS = ("<|endoftext|>", "[gMASK]", "<sop>")
WORDS = (
    "red",
    "cat",
    "on",
    "grass",
    "apple",
    "the",
    "photo",
    "of",
    "system",
    "user",
    "assistant",
    "Describe",
    "image",
    "by",
)
WORDS += (
    "detailing",
    "color",
    "shape",
    "size",
    "texture",
    "quantity",
    "text",
    "spatial",
    "relationships",
    "objects",
    "and",
)
WORDS += ("background",)
"""Those of prompts, and of what Qwen-Image puts before one, of which it drops as many tokens as the published words are."""
VISION: dict[str, Any] = {"depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 1, "out_hidden_size": 16}


def byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level BPE that knows a few words, with and without a space before them."""
    words = [*(f"Ġ{word}" for word in WORDS), *WORDS]
    merges = list(dict.fromkeys(step for word in words for step in _steps(word)))
    pieces = [*byte_letters(), *("".join(pair) for pair in merges)]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}, merges


def qwen_tokenizer(more: Sequence[str] = ()) -> Qwen2Tokenizer:
    """A byte-level BPE with Qwen's special tokens and chat template; padded with `<|endoftext|>` behind."""
    vocab, merges = byte_pairs()
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=merges, model_max_length=131072, chat_template=QWEN_CHAT)
    tokenizer.add_special_tokens({"additional_special_tokens": [*QWEN_TOKENS[1:], *more]})
    return tokenizer


def qwen3(tokenizer: Qwen2Tokenizer, layers: int, kind: type[PreTrainedModel] = Qwen3Model) -> PreTrainedModel:
    """Qwen 3 itself, or, as FLUX.2 klein has it, Qwen3ForCausalLM."""
    return _made(kind, Qwen3Config(**_widths(tokenizer, layers), head_dim=8, tie_word_embeddings=True))


def qwen3_causal(tokenizer: Qwen2Tokenizer, layers: int) -> PreTrainedModel:
    return qwen3(tokenizer, layers, Qwen3ForCausalLM)


def qwen25_vl(tokenizer: Qwen2Tokenizer, layers: int = 1) -> PreTrainedModel:
    text = {**_widths(tokenizer, layers), "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2]}}
    vision = {**VISION, "fullatt_block_indexes": [0]}
    return _made(Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig(text_config=text, vision_config=vision))


def qwen3_vl(processor: Qwen3VLProcessor) -> PreTrainedModel:
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    text = {**_widths(processor.tokenizer, 2), "head_dim": 8, "rope_parameters": rope}
    vision = {**VISION, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
    return _made(Qwen3VLForConditionalGeneration, Qwen3VLConfig(text_config=text, vision_config=vision))


def qwen3_vl_processor() -> Qwen3VLProcessor:
    tokenizer = qwen_tokenizer(VISION_TOKENS)
    return Qwen3VLProcessor(Qwen2VLImageProcessor(), tokenizer, Qwen3VLVideoProcessor(), chat_template=QWEN_CHAT)


def mistral_processor() -> PixtralProcessor:
    """A byte-level BPE with the special tokens and the chat template of Mistral Small 3; padded in front."""
    vocab, merges = byte_pairs()
    tokenizer = _byte_level(vocab, merges, (*MISTRAL_TOKENS, *PIXTRAL_TOKENS))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="left",
        model_max_length=131072,
    )
    return PixtralProcessor(PixtralImageProcessor(), fast, chat_template=MISTRAL_CHAT)


def mistral3(processor: PixtralProcessor, layers: int) -> PreTrainedModel:
    text = {**_widths(processor.tokenizer, layers), "head_dim": 8, "model_type": "mistral"}
    vision = {
        "model_type": "pixtral",
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "head_dim": 8,
        "patch_size": 14,
        "image_size": 28,
    }
    return _made(Mistral3ForConditionalGeneration, Mistral3Config(text_config=text, vision_config=vision))


def gemma_tokenizer() -> GemmaTokenizer:
    """A BPE of letters and a few words, with bytes to fall back on, and a token before each text."""
    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
    letters = [*string.printable.strip(), "▁"]
    merges = [step for word in WORDS for step in _steps("▁" + word) + _steps(word)]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *("".join(pair) for pair in merges)]
    vocab = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = GemmaTokenizer(vocab=vocab, merges=list(dict.fromkeys(merges)), model_max_length=8192)
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", vocab["<bos>"])]
    )
    return tokenizer


def gemma2(tokenizer: GemmaTokenizer) -> PreTrainedModel:
    return _made(Gemma2Model, Gemma2Config(**_widths(tokenizer, 2), head_dim=8, pad_token_id=0))


def glm_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE with `[gMASK]<sop>` before each text; padded with `<|endoftext|>` in front."""
    vocab, merges = byte_pairs()
    tokenizer = _byte_level(vocab, merges, GLM_TOKENS)
    first = [(token, tokenizer.token_to_id(token)) for token in ("[gMASK]", "<sop>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[gMASK] <sop> $A", special_tokens=first)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=128000,
    )


def glm(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    config = _widths(tokenizer, 2) | {"num_key_value_heads": 2}
    return _made(GlmModel, GlmConfig(**config, head_dim=8, pad_token_id=tokenizer.pad_token_id))


def _steps(word: str) -> list[tuple[str, str]]:
    """The merges that make a word from left to right."""
    return [(word[:end], word[end]) for end in range(1, len(word))]


def _byte_level(vocab: dict[str, int], merges: list[tuple[str, str]], special: Sequence[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


def _widths(tokenizer: Any, layers: int) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 2048,
    }


def _made(kind: type[PreTrainedModel], config: Any) -> PreTrainedModel:
    """A model with weights so large that a word changes a picture."""
    config.initializer_range = 0.5
    for part in ("text_config", "vision_config"):
        if hasattr(config, part):
            getattr(config, part).initializer_range = 0.5
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return kind(config).eval()
