"""How much of a prompt a text encoder reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CLIP_READS = 77
"""Tokens, with the marks of start and end; a small model may read fewer."""


def tokens_beyond(tokenizer: Any, text: str, longest: float) -> int:
    """Tokens of a text, with the marks of its start and end, that are not read."""
    tokens: Sequence[int] = tokenizer(text, truncation=False, verbose=False)["input_ids"]
    return int(max(0, len(tokens) - longest))
