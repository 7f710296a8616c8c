"""Pairs of a prompt and a negative prompt, from a table that a person made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.given import BadRow, is_text, trimmed
from seedscope.pipeline.study.records import FORMATS, Record, columns, records
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason

NEEDED = ("prompt", "negative", "word")
KNOWN = (*NEEDED, "null", "where", "group")
"""Columns of a file of pairs; others are not looked at."""
Where = Literal["object", "background", "whole"]
PLACES: Mapping[str, Where] = {"object": "object", "background": "background", "whole": "whole"}
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class NegativePair:
    """A prompt and what is not wanted in its pictures.

    Attributes:
        prompt, negative: as the model reads them.
        word: one or more words of the prompt, which the negative prompt is about: "cat" of "a cat", where "red" is not wanted.
        null: a negative prompt that has nothing to do with either.
        where: the part of the picture that the negative prompt is to change; `whole`: all of it, nothing lies outside.
        group: of pairs that are no evidence of their own beside each other; by default those of one prompt.
    """

    prompt: str
    negative: str
    word: str
    null: str
    where: Where
    group: str


def read_pairs(path: Path, null_word: str | None = None) -> list[NegativePair]:
    """All pairs of a file, in order.

    Args:
        path: CSV, TSV, JSONL or Parquet with the columns `prompt`, `negative`, `word`, and perhaps `null`, `where`, `group`.
        null_word: the `null` of rows that have none.

    Raises:
        StudyError: a file that is missing or empty or lacks a column, a word that is not in its prompt, a pair that stands
            twice; each with its place.
    """
    if path.suffix.lower() not in FORMATS:
        raise StudyError(f"{path}: pairs are read from {', '.join(FORMATS)} files, not from {path.suffix or 'this'}.")
    try:
        _refuse_columns(path, columns(path))
        found = [_pair(f"{path}:{number}", row, null_word) for number, row in records(path, needed=KNOWN.__contains__)]
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file of pairs.") from None
    except BadRow as row:
        raise StudyError(f"{path}:{row.number}: {row}") from None
    except UNREADABLE as error:
        if isinstance(error, StudyError):
            raise
        raise StudyError(f"{path}: cannot be read as a table: {reason(error)}.") from None
    if not found:
        raise StudyError(f"{path}: has no pairs in it. Write one a row: prompt, negative, word.")
    texts = [(pair.prompt, pair.negative) for pair in found]
    if twice := next((text for place, text in enumerate(texts) if text in texts[:place]), None):
        raise StudyError(f"{path}: the pair {twice[0]!r}, {twice[1]!r} stands twice. Remove one of the two.")
    return found


def _refuse_columns(path: Path, names: list[str]) -> None:
    if names and (missing := [name for name in NEEDED if name not in names]):
        raise StudyError(f"{path}: has no column {missing[0]!r}; it has {', '.join(names)}.")


def _pair(place: str, row: Record, null_word: str | None) -> NegativePair:
    texts = {name: _text(place, name, row.get(name)) for name in KNOWN}
    for name in NEEDED:
        if not texts[name]:
            raise StudyError(f"{place}: the column {name!r} is empty.")
    prompt, negative, word = (texts[name] for name in NEEDED)
    if not _holds(prompt, word):
        raise StudyError(f"{place}: the word {word!r} is not in its prompt {prompt!r}.")
    null = texts["null"] or trimmed(null_word or "")
    if not null:
        raise StudyError(
            f"{place}: has no unrelated word to compare with. Add a column `null`, or name one by --null-word."
        )
    if wordless := next((text for text in (prompt, negative, word, null) if not _WORD.search(text)), None):
        raise StudyError(f"{place}: {wordless!r} has no word in it.")
    if _holds(prompt, null) or _holds(negative, null):
        raise StudyError(f"{place}: {null!r}, which is to be unrelated, is in {prompt!r} or {negative!r}.")
    return NegativePair(prompt, negative, word, null, _where(place, texts["where"]), texts["group"] or prompt)


def _text(place: str, name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not is_text(value):
        raise StudyError(f"{place}: column {name!r} holds {value!r}, which is not text.")
    return trimmed(value)


def _where(place: str, value: str) -> Where:
    if value and value not in PLACES:
        raise StudyError(f"{place}: column 'where' says {value!r}; known are {', '.join(PLACES)}.")
    return PLACES.get(value, "object")


def _holds(text: str, words: str) -> bool:
    """Whether the words stand in a text, one after another, in any case."""
    inside, looked_for = (_WORD.findall(each.casefold()) for each in (text, words))
    size = len(looked_for)
    return any(inside[start : start + size] == looked_for for start in range(len(inside) - size + 1)) if size else False
