"""What a prompt speaks of: its words less those that say nothing of it, and its subject.

Words are folded (no capitals, no accents), their English plural is taken off, and function words of six European languages
are left out, as are words for how something is shown ("a photo of", "highly detailed"). What is written without spaces
between words (Chinese, Japanese, Thai, ...) is cut at its most frequent function characters into pairs of neighbours.
Source: Harman (1991), "How effective is suffixing?", JASIS 42, for the plural; Manning, Raghavan, Schuetze (2008),
"Introduction to Information Retrieval", section 2.2.1, for pairs of characters.
Deviation: the subject is guessed by the order of words alone, no grammar: the last word of the first phrase ("a red *apple*
on a table"), or its first after a Romance article ("una *manzana* roja"). What is written without spaces has none.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from seedscope.pipeline.study.small_words import FUNCTION, OF, ROMANCE, SHOWN, THINGS_IN_ING

SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
BETWEEN = re.compile("[的一个個只張张在上下里中是了和有着のにはをがと]+")
BREAK = ","


@dataclass(frozen=True, slots=True)
class Wording:
    """words: what a prompt speaks of, each once, sorted. subject: one of them, or None where none is found."""

    words: tuple[str, ...]
    subject: str | None


def wording(text: str) -> Wording:
    """The words of a prompt and its subject.

    Example:
        >>> wording("A photo of two red apples on a table")
        Wording(words=('apple', 'red', 'table'), subject='apple')
    """
    written = _written(text)
    found = {part for word in written if _says_something(word) for part in _parts(word)}
    return Wording(tuple(sorted(found)), _subject(written))


def _written(text: str) -> list[str]:
    """All words in order, folded; a BREAK for each mark between them; a symbol, such as an emoji, is a word."""
    # Letter by letter, for the marks on letters go anyway: to put thousands on one letter into order takes hours.
    folded = chain.from_iterable(unicodedata.normalize("NFKD", letter) for letter in text.casefold())
    return "".join(_spaced(letter) for letter in folded if not unicodedata.combining(letter)).split()


def _spaced(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind[0] in "LMN":
        return letter
    if kind[0] == "S":
        return f" {letter} "
    return f" {BREAK} " if kind[0] == "P" and kind != "Pd" and letter not in "'’" else " "


def _says_something(word: str) -> bool:
    return word != BREAK and word not in FUNCTION and word not in SHOWN


def _parts(word: str) -> list[str]:
    """A word without its plural; of a run of characters without spaces, its pairs of neighbours."""
    if not SPACELESS.search(word):
        return [_singular(word)]
    runs = [run for run in BETWEEN.sub(" ", word).split() if run]
    return [run[i : i + 2] for run in runs for i in range(max(len(run) - 1, 1))]


def _singular(word: str) -> str:
    """The three rules of Harman's "S" stemmer."""
    if len(word) > 3 and word.endswith("ies") and not word.endswith(("eies", "aies")):
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word


def _subject(written: Sequence[str]) -> str | None:
    noun, first, one, shown = None, False, False, False
    for word in written:
        if SPACELESS.search(word):
            return None
        if word in OF and shown:
            noun, first, one, shown = None, False, False, False
        elif word in SHOWN:
            shown = True
        elif noun is not None and (not _says_something(word) or _is_verb(word, one)):
            break
        elif word in ROMANCE:
            first = True
        elif word in ("a", "an"):
            one = True
        elif _says_something(word) and not (first and noun is not None):
            noun = _singular(word)
    return noun


def _is_verb(word: str, one: bool) -> bool:
    """Whether a word after a noun looks like a verb: a participle, or, of one thing, a form in -s."""
    doing = len(word) > 5 and word.endswith("ing") and word not in THINGS_IN_ING
    return doing or (len(word) > 4 and word.endswith("ed")) or (one and _singular(word) != word)
