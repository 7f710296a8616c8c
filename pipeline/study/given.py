"""Files that somebody else wrote: read only where they are files, of a size that fits, and text that can be text."""

import json
import stat
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO

from seedscope.pipeline.study.schema import Json

LARGEST = 4 * 2**30
"""Bytes of a file that is read from its beginning to where it is enough."""
BYTE_ORDER_MARK = "\ufeff"
_UNSEEN = f"{BYTE_ORDER_MARK}\u200b\u2060"  # also spaces of no width, as web pages have them
LONGEST = 10_000_000
"""Characters of a cell, or of a line."""


DEEPEST = 50
"""JSON within JSON: a list in a list is 2."""


class TooDeep(ValueError):
    """JSON that is nested deeper than any program nests it."""


class BadRow(ValueError):
    """A line or a row that is none; `number`: of its line, from 1 on. The message goes on after `FILE:NUMBER: `."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number


def regular(path: Path, most: int = LARGEST) -> Path:
    """The same path, of a file that ends: a pipe or a device would be waited for, or read, for ever.

    Raises:
        FileNotFoundError: there is none.
        OSError, ValueError: it is something else, has more than `most` bytes, or its name is none.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise ValueError("it is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is a pipe or a device, not a file")
    if found.st_size > most:
        raise ValueError(f"it has {found.st_size:,} bytes, and at most {most:,} are read")
    return path


def at_home(name: str | Path) -> Path:
    """A path with `~` and `~user` spelled out; as it stands where there is no such user."""
    with suppress(RuntimeError):
        return Path(name).expanduser()
    return Path(name)


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; no where its name is longer than names can be."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def opened_text(path: Path, newline: str | None = None) -> IO[str]:
    """A file of text: UTF-8, or UTF-16 where it begins with that encoding's mark.

    Raises:
        OSError, ValueError: as of `regular`, or it begins in another encoding.
    """
    with regular(path).open("rb") as file:
        begin = file.read(4096)
    encoding = "utf-16" if begin[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if "\0" in begin.decode(encoding, errors="ignore"):
        raise ValueError("it has zeros between its letters, as UTF-16 without its mark has. Save the file as UTF-8")
    return path.open(encoding=encoding, newline=newline)


def not_text(path: Path) -> BadRow:
    """Where a file stops being UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = line[error.start]
                return BadRow(number, f"is not UTF-8 text (a byte is 0x{byte:02x}). Save the file as UTF-8.")
    return BadRow(1, "is not text in UTF-8 or UTF-16. Save the file as UTF-8.")


def trimmed(text: str) -> str:
    """Without white space at its ends, were it of no width, or the mark of a file that was joined to another."""
    return text.strip().strip(_UNSEEN).strip()


def is_text(value: str) -> bool:
    """Whether a text has no zeros, and no halves of surrogate pairs, which JSON and YAML can spell and no file can hold."""
    with suppress(UnicodeEncodeError):
        value.encode()
        return "\0" not in value
    return False


def read_json(text: str, *, repeats: bool = False) -> Json:
    """JSON in which no key stands twice, and whose numbers and depth are such as people and their programs write.

    Args:
        repeats: a key may stand twice, and the last counts.

    Raises:
        TooDeep: it is nested more than `DEEPEST` deep, so that what is written of it might not be read back.
        ValueError: it is none; of a syntax error, a JSONDecodeError with its place.
    """
    try:
        found: Json = json.loads(text, object_pairs_hook=None if repeats else _unique)
        if text.count("[") + text.count("{") > DEEPEST and _is_deep(found):
            raise RecursionError
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise TooDeep(f"it is nested more than {DEEPEST} deep") from None
    except ValueError as error:
        long = "integer string conversion" in str(error)
        raise ValueError("it holds a number of thousands of digits" if long else str(error)) from None
    return found


def _is_deep(value: Json) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = list(chain.from_iterable(inner))
    return bool(level)


def _unique(pairs: Sequence[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"the key {next(name for name in counts if counts[name] > 1)!r} stands in it twice")
    return found
