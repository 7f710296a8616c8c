"""Which object a prompt names: words of a text against the words of a list or of a model's labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[^\W_]+")


def first_named(text: str, names: Iterable[str]) -> str | None:
    """The name that stands first in the text, the longest where several begin at the same word; None where none does.

    Whole words count, in any case, in singular or plural ("two cats" names "cat", "a hot dog" names no "dog" where
    "hot dog" is a name too). The first, because prompts name the object before its surroundings: "a cat on a bed".
    """
    text_words = _words(text)
    by_length = sorted(((_words(name), name) for name in names), key=lambda one: -len(one[0]))
    for start in range(len(text_words)):
        for name_words, name in by_length:
            if name_words and _same(text_words[start : start + len(name_words)], name_words):
                return name
    return None


def names_of(labels: Mapping[int, str]) -> dict[str, tuple[int, ...]]:
    """Name -> ids of the labels that have it: a label may give synonyms, as in "car, auto" or "car;auto"."""
    found: dict[str, tuple[int, ...]] = {}
    for index, label in labels.items():
        for name in listed_names(label):
            found[name] = (*found.get(name, ()), index)
    return found


def listed_names(text: str) -> list[str]:
    """The names in a list that is separated by commas or semicolons."""
    return [name for part in re.split("[,;]", text) if (name := part.strip())]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _same(found: list[str], wanted: list[str]) -> bool:
    """Whether two phrases are the same but for the number of their last words."""
    if len(found) != len(wanted) or found[:-1] != wanted[:-1]:
        return False
    one, other = found[-1], wanted[-1]
    return one == other or one in _plurals(other) or other in _plurals(one)


def _plurals(word: str) -> tuple[str, ...]:
    return (f"{word}s", f"{word}es", f"{word[:-1]}ies") if word.endswith("y") else (f"{word}s", f"{word}es")
