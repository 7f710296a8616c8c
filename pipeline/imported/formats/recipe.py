"""What a picture says of how it was made: prompt, seed and settings."""

import math
import re
import reprlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from seedscope.pipeline.study.given import is_text, trimmed
from seedscope.pipeline.study.records import Rounded
from seedscope.pipeline.study.schema import LARGEST_SEED, Json

_EXACT = 2**53  # whole numbers below it are all floating-point numbers, and no two of them the same
_FEW_DIGITS = re.compile(r"\s*-?[0-9]\.([0-9]{2,})[eE]\+?([0-9]+)\s*")  # as spreadsheets show long numbers: 1.23457E+14
LINK = "-> "
"""Begins a further setting that says what a thing depends on, and not what it is set to."""


class Unplaceable(ValueError):
    """A picture that no (prompt, seed) is known of; the message says why, of the file: "it names no seed".

    `settings` and `further` are what it was made with all the same, where that is known: a table may tell its cell.
    """

    settings: "Settings | None" = None
    further: "Mapping[str, Json] | None" = None


class Unread(Unplaceable):
    """What stands in one text of a file tells no cell, or not in a way that is known here: another text of it may."""


class NoMetadata(Unplaceable):
    """A picture says nothing of how it was made."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set besides prompt and seed; None where the file does not say.

    `size` is (width, height) in pixels as asked for, which the noise depends on; a later enlargement does not change it.
    `denoising` is the strength, 0 to 1, of a pass over a picture that was there already: img2img, or the second pass of a
    high-resolution fix. `model` carries the adapters (LoRA) that were loaded with it.
    """

    negative_prompt: str | None = None
    model: str | None = None
    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    size: tuple[int, int] | None = None
    denoising: float | None = None
    styles: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The cell of a picture, and the settings that it was made with.

    `further` has all other settings under the names that the program gives them, one that is absent being at its default;
    None where the source does not tell them. `enlarged` says that its pixels need not have the size asked for. `saved` is how
    many pictures came of one run, one from another, and carry this very recipe: the last is the one meant. `of_another` says
    that the picture was made from another one (img2img) which nothing of this names. `later_seeds` are those of nodes behind
    the sampler that begins the picture, by name. `misread` are names that earlier versions took for settings, and are none.
    """

    prompt: str
    seed: int
    settings: Settings = Settings()
    further: Mapping[str, Json] | None = None
    enlarged: bool = True
    saved: int = 1
    of_another: bool = False
    later_seeds: Mapping[str, int] = field(default_factory=dict)
    misread: frozenset[str] = frozenset()


@contextmanager
def telling(
    settings: Settings, further: Mapping[str, Json] | Callable[[], Mapping[str, Json]] | None
) -> Iterator[None]:
    """What is refused in here tells the settings, unless it does so already; those that take time are asked for then."""
    try:
        yield
    except Unplaceable as reason:
        if reason.settings is None:
            reason.settings, reason.further = settings, further() if callable(further) else further
        raise


def recipe(
    prompt: Json,
    seed: Json,
    settings: Settings,
    further: Mapping[str, Json] | None = None,
    *,
    of_another: bool = False,
) -> Recipe:
    """Check what a file says.

    Raises:
        Unread: no text, or no whole number from 0 to 2^63-1.
    """
    with telling(settings, further):
        return Recipe(_prompt(prompt), _seed(seed), settings, further, of_another=of_another)


def _prompt(prompt: Json) -> str:
    if not isinstance(prompt, str):
        raise Unread("it names no prompt")
    if not is_text(prompt):
        raise Unread("its prompt has characters that are none (zeros, or halves of surrogate pairs)")
    if not trimmed(prompt):
        raise Unread("its prompt is empty")
    return _with_line_feeds(trimmed(prompt))


def _seed(seed: Json) -> int:
    if seed is None or seed == "":
        raise Unread("it names no seed")
    if isinstance(seed, float) and math.isnan(seed):  # an empty cell, where a program made decimal numbers of a column
        raise Unread("it names no seed")
    number = whole(seed)
    if number is None:
        raise Unread(f"its seed is {_shown(seed)}, which is no whole number")
    if isinstance(seed, Rounded):
        raise Unread(
            f"its seed is {number}, which its column of decimal numbers may have rounded: of whole numbers it holds only those "
            f"below {seed.exact:,}"
        )
    if abs(number) >= _EXACT and re.search(r"[.eE]", str(seed)):
        raise Unread(
            f"its seed is {_shown(seed)}, a decimal number from 2^53 on, of which the last digits may have been lost"
        )
    if (few := _FEW_DIGITS.fullmatch(str(seed))) and int(few[2]) > len(few[1]):
        raise Unread(f"its seed is {_shown(seed)}, of which the last digits were rounded away; write all of them")
    if number < 0:
        raise Unread(f"its seed is {number}, which stands for a random one that was not written down")
    if number > LARGEST_SEED:
        raise Unread(f"its seed is {number}, which is above 2^63-1 and cannot be stored")
    return number


def further(metadata: Mapping[str, Json], told: Collection[str]) -> dict[str, Json]:
    """The settings but those `told` already, or known to shape no picture; numbers written as text are numbers.

    What is empty is left out: programs write it or not, as their editions go.
    """
    return {
        name: plain(value) for name, value in metadata.items() if name not in told and value not in (None, "", [], {})
    }


def plain(value: Json) -> Json:
    """A number in one spelling (`"7.0"` -> 7), a text without spaces at its ends; all else as it is."""
    found = number(value)
    if found is None:
        return text(value) if isinstance(value, str) else value
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def _shown(value: Json) -> str:
    return reprlib.repr(str(value)) if isinstance(value, str | float | bool) else f"a {type(value).__name__}"


def whole(value: Json) -> int | None:
    """A whole number that may be written as text (`"5"`, `"5.0"`, `"1e+09"`), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, str):
        return None
    if match := re.fullmatch(r"\s*(-?[0-9]{1,30})(?:\.0+)?\s*", value):
        return int(match[1])
    found = float(value) if re.fullmatch(r"\s*-?[0-9]{1,30}(\.[0-9]{1,30})?[eE]\+?[0-9]{1,2}\s*", value) else None
    return int(found) if found is not None and found.is_integer() else None


def number(value: Json) -> float | None:
    """A finite number that may be written as text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def text(value: Json) -> str | None:
    """A text, or None where there is none."""
    return _with_line_feeds(_repaired(value.strip())) or None if isinstance(value, str) else None


def _with_line_feeds(value: str) -> str:
    """The text with line breaks as Unix writes them: Windows' make no other prompt."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _repaired(value: str) -> str:
    """The text without halves of surrogate pairs, which JSON can hold and UTF-8 cannot."""
    return value.encode(errors="replace").decode()


def size(width: Json, height: Json) -> tuple[int, int] | None:
    """(width, height), or None unless both are known."""
    sides = whole(width), whole(height)
    return None if sides[0] is None or sides[1] is None else (sides[0], sides[1])


def is_partial(strength: float | None) -> bool:
    """Whether a strength of img2img leaves something of the picture that it begins from."""
    return strength is not None and strength < 1


def joined(*parts: str | None) -> str | None:
    """The parts that there are, with spaces between them: `euler` and `karras` -> `euler karras`."""
    return " ".join(part for part in parts if part) or None


def with_adapters(model: str | None, adapters: list[tuple[str, Json]]) -> str | None:
    """A model's name with the adapters that it was loaded with: `sdxl + detail:0.8`."""
    return " + ".join([model or "?", *(f"{name}:{weight}" for name, weight in adapters)]) if adapters else model
