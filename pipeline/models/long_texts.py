"""Texts beyond what a CLIP encoder reads at once, in pieces; and texts with weights, as A1111 writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError

if TYPE_CHECKING:
    import torch

TOKENIZERS = ("tokenizer", "tokenizer_2")
_MARK = re.compile(r"\\[()\[\]\\]|[(\[]|:\s*([+-]?[.\d]+)\s*\)|[)\]]|[^\\()\[\]:]+|.", re.DOTALL)
_STRONGER = 1.1


def fragments(text: str) -> list[tuple[str, float]]:
    """A text as parts with weights: `(red:1.4)` is 1.4, `(red)` 1.1, `[red]` 1 / 1.1; `\\(` is a bracket.

    Source: A1111 stable-diffusion-webui, `modules/prompt_parser.py::parse_prompt_attention`, without its word BREAK.
    """
    found: list[list[Any]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def weigh(start: int, by: float) -> None:
        for part in found[start:]:
            part[1] *= by

    for mark in _MARK.finditer(text):
        piece = mark[0]
        if piece in opened:
            opened[piece].append(len(found))
        elif mark[1] is not None and opened["("]:
            weigh(opened["("].pop(), float(mark[1]))
        elif piece == ")" and opened["("]:
            weigh(opened["("].pop(), _STRONGER)
        elif piece == "]" and opened["["]:
            weigh(opened["["].pop(), 1 / _STRONGER)
        else:
            found.append([piece[1:] if piece[0] == "\\" and len(piece) > 1 else piece, 1.0])
    for kind, by in (("(", _STRONGER), ("[", 1 / _STRONGER)):
        for start in opened[kind]:
            weigh(start, by)
    return _merged((part, weight) for part, weight in found)


def without_weights(text: str) -> str:
    """The words of a text with weights."""
    return "".join(part for part, _ in fragments(text))


def _merged(parts: Iterator[tuple[str, float]]) -> list[tuple[str, float]]:
    merged: list[tuple[str, float]] = []
    for part, weight in parts:
        if merged and merged[-1][1] == weight:
            merged[-1] = (merged[-1][0] + part, weight)
        else:
            merged.append((part, weight))
    return merged or [("", 1.0)]


def refuse_without_compel() -> None:
    """
    Raises:
        ModelError: the library that weighs texts is missing.
    """
    from importlib.util import find_spec

    if find_spec("compel") is None:
        raise ModelError("sampling.weighted_prompts: needs the library compel. Install it: pip install compel")


def weighted_states(pipe: Any, parts: Sequence[tuple[str, float]], *, cut: bool) -> torch.Tensor:
    """(1, L, D) hidden states of a text with weights, by all text encoders of a pipeline side by side.

    Source: compel, `EmbeddingsProvider`: states of words with a weight above 1 are drawn away from those of an empty text, and
    texts with a weight below 1 are mixed with those that lack the words.
    """
    import torch
    from compel.embeddings_provider import EmbeddingsProvider, ReturnedEmbeddingsType, SplitLongTextMode

    named = [(pipe.components.get(name), name.replace("tokenizer", "text_encoder")) for name in TOKENIZERS]
    there = [(tokenizer, pipe.components[encoder]) for tokenizer, encoder in named if tokenizer is not None]
    kinds = ReturnedEmbeddingsType
    sdxl = TOKENIZERS[1] in pipe.components
    kind = kinds.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED if sdxl else kinds.LAST_HIDDEN_STATES_NORMALIZED
    states = [
        EmbeddingsProvider(
            tokenizer,
            encoder,
            truncate=cut,
            returned_embeddings_type=kind,
            split_long_text_mode=SplitLongTextMode.BRUTAL,
        ).get_embeddings_for_weighted_prompt_fragments(
            [[text for text, _ in parts]], [[weight for _, weight in parts]], device=encoder.device
        )
        for tokenizer, encoder in there
    ]
    return torch.cat(states, dim=-1)


def pieces(tokenizer: Any, text: str) -> list[list[int]]:
    """The tokens of a text, as many at once as fit between the marks of its start and end; one empty piece of an empty text."""
    tokens: list[int] = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
    at_once = int(tokenizer.model_max_length) - 2
    return [tokens[start : start + at_once] for start in range(0, len(tokens), at_once)] or [[]]


def count_pieces(pipe: Any, text: str) -> int:
    """Of how many pieces a text is."""
    tokenizers = (pipe.components.get(name) for name in TOKENIZERS)
    return max(len(pieces(tokenizer, text)) for tokenizer in tokenizers if tokenizer is not None)


@contextmanager
def reading_piece(pipe: Any, number: int) -> Iterator[None]:
    """While it lasts, the tokenizers of a pipeline give the piece of this number of each text, an empty one past its end."""
    whole = {name: pipe.__dict__[name] for name in TOKENIZERS if pipe.__dict__.get(name) is not None}
    pipe.__dict__.update({name: _Piece(tokenizer, number) for name, tokenizer in whole.items()})
    try:
        yield
    finally:
        pipe.__dict__.update(whole)


class _Piece:
    """A tokenizer that gives one piece of a text, with the marks of start and end, padded."""

    def __init__(self, tokenizer: Any, number: int) -> None:
        self._tokenizer, self._number = tokenizer, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, texts: str | Sequence[str], **_: object) -> Any:
        from transformers import BatchEncoding

        rows = [self._row(text) for text in ([texts] if isinstance(texts, str) else texts)]
        content = {"input_ids": [row for row, _ in rows], "attention_mask": [mask for _, mask in rows]}
        return BatchEncoding(content, tensor_type="pt")

    def _row(self, text: str) -> tuple[list[int], list[int]]:
        tokenizer = self._tokenizer
        found = pieces(tokenizer, text)
        piece = found[self._number] if self._number < len(found) else []
        marked = [tokenizer.bos_token_id, *piece, tokenizer.eos_token_id]
        lacking = int(tokenizer.model_max_length) - len(marked)
        return marked + [tokenizer.pad_token_id] * lacking, [1] * len(marked) + [0] * lacking
