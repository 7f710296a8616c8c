"""How many prompts of a study are cut, and by how much: known before a model is loaded, from its tokenizer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.stock_arguments import text_options
from seedscope.pipeline.study.schema import Sampling

FEWEST_READ = 16
"""Tokens: a text of fewer bytes is never cut, if the study says nothing of how texts are read."""


def tokens_cut(located: Located, sampling: Sampling, texts: Sequence[str]) -> list[int]:
    """Of each prompt that will be cut, how many tokens; of none where the tokenizer is not here, as of a hub's model."""
    # A token is a byte at least; a study may leave it fewer, or none behind a text that stands before it.
    as_usual = not text_options(sampling.arguments)
    long = [text for text in texts if not as_usual or len(text.encode()) + 2 > FEWEST_READ]
    if not long:
        return []
    if (found := _processor(located)) is None:
        return []
    parts, processor = found
    counts = (located.family.tokens_cut(parts, processor, text, sampling) for text in long)
    return [count for count in counts if count]


def tokenizer_of(located: Located) -> Any | None:
    """The tokenizer that says how much of a text is read; None where it is not here, as of a hub's model."""
    found = _processor(located)
    return None if found is None else found[1]


def _processor(located: Located) -> tuple[dict[str, Any], Any] | None:
    """The parts that a model's index names, and the one that says how much of a text is read, or what holds it."""
    try:
        parts = {name: kind for name, kind in located.index.items() if isinstance(kind, list) and kind[0] is not None}
        name, _ = located.family.reads(parts)
        return (parts, _loaded(located, name, parts[name])) if name in parts else None
    except (ImportError, OSError, *MALFORMED):
        return None


def _loaded(located: Located, name: str, kind: Sequence[str]) -> Any:
    """A tokenizer, or what holds one, as the index of a model names it."""
    import diffusers
    import transformers

    library, class_name = kind
    where = transformers if library == "transformers" else getattr(diffusers.pipelines, library)
    return getattr(where, class_name).from_pretrained(located.folder / name, local_files_only=True)
