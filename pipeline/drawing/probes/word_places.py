"""Which tokens of a text are those of a word in it, as a text encoder reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seedscope.pipeline.errors import ModelError


def word_places(tokenizer: Any, text: str, word: str, longest: float) -> list[int]:
    """The places of a word's tokens in the tokens of a text, from 0, wherever it stands; a word may be several.

    Args:
        tokenizer: of transformers.
        longest: tokens that the text encoder reads, with the marks of start and end.

    Raises:
        ModelError: the tokenizer does not know the word, it has other tokens within the text, or it stands where the text is
            cut off.
    """
    whole, part = _ids(tokenizer, text, marks=True), _ids(tokenizer, word, marks=False)
    unknown = getattr(tokenizer, "unk_token_id", None)
    if not part or unknown in part:
        raise ModelError(f"{word!r}: is not a word that this model's tokenizer knows. Write another word for it.")
    size = len(part)
    starts = [start for start in range(len(whole) - size + 1) if whole[start : start + size] == part]
    if not starts:
        raise ModelError(
            f"{word!r}: has no tokens of its own in {text!r}, as this model's tokenizer takes it apart. Write the word as it "
            "stands there."
        )
    found = [place for start in starts for place in range(start, start + size)]
    if max(found) >= longest - 1:  # the last place is the mark of the end
        raise ModelError(
            f"{word!r}: stands where {text[:60]!r} is cut off: this model's text encoder reads {longest:g} tokens. Write a "
            "shorter text."
        )
    return found


def _ids(tokenizer: Any, text: str, *, marks: bool) -> list[int]:
    found: Sequence[int] = tokenizer(text, truncation=False, add_special_tokens=marks, verbose=False)["input_ids"]
    return list(found)
