"""A golden list as a file: JSON of a known format, with a digest by which an edited one is told."""

from __future__ import annotations

import json
import os
import re
import reprlib
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.seal import KEY, seal
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.given import read_json, regular

FORMAT: Final = "seedscope-golden/2"
FORMATS: Final = ("seedscope-golden/1", FORMAT)
_LARGEST = 64 * 2**20
_LATER: Final = ("parts", "settings", "digests", "network", "denoiser", "adapters", "fused", "changes", "dtypes")
"""Of a list's model what lists without a digest never said."""

List = TypeVar("List", bound=BaseModel)


def read_list(path: Path, kind: type[List]) -> List:
    """Read a golden list, of this format or an earlier one.

    Raises:
        GoldenError: one sentence: see `GoldenSeeds.load`.
    """
    content = _content(path)
    sealed = content.pop(KEY, None)
    if sealed is None and (content["format"] == FORMAT or _is_later(content)):
        raise GoldenError(
            f"{path}: has lost the digest of its content ({KEY!r}), so that nobody can tell whether it was edited. Write it "
            "again with `seedscope export`."
        )
    try:
        golden = kind.model_validate({**content, "format": FORMAT})
    except ValidationError as error:
        raise GoldenError(f"{path}: not a valid golden list: {_sentence(error)}") from None
    if sealed is not None and sealed != seal(content):
        raise GoldenError(
            f"{path}: was edited or damaged after it was written, so that what it says was not measured. Write it again "
            "with `seedscope export`."
        )
    return golden


def _is_later(content: dict[str, JsonValue]) -> bool:
    """Whether a list has what came with the digest or after it: no list of the first format that has none has that."""
    conditions = content.get("conditions")
    model = conditions.get("model") if isinstance(conditions, dict) else None
    return "canary_pictures" in content or (isinstance(model, dict) and not model.keys().isdisjoint(_LATER))


def _content(path: Path) -> dict[str, JsonValue]:
    try:
        content = read_json(regular(path, _LARGEST).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise GoldenError(f"{path}: there is no such file; `seedscope run` writes a golden.json.") from None
    except json.JSONDecodeError as error:
        raise GoldenError(f"{path}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}.") from None
    except (OSError, ValueError) as error:
        raise GoldenError(f"{path}: cannot be read as a golden list: {error}.") from None
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(content, dict) or found not in FORMATS:
        what = (
            f"has the format {reprlib.repr(found)}" if found else "is JSON, but not a golden list (it names no format)"
        )
        raise GoldenError(f"{path}: {what}; this version of seedscope reads {' and '.join(map(repr, FORMATS))}.")
    return content


def write_list(path: str | os.PathLike[str], golden: BaseModel) -> None:
    """Write a list as indented JSON: the whole file or, if that fails, what was there before.

    Raises:
        GoldenError: there is no such folder.
        StorageError: the folder cannot be written, or is full.
    """
    content = json.loads(golden.model_dump_json())
    text = _numbers_in_one_line(json.dumps(content | {KEY: seal(content)}, indent=2, ensure_ascii=False)) + "\n"
    try:
        with replacing(Path(path)) as scratch:
            scratch.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GoldenError(f"{path}: the golden list cannot be written: {error.strerror or error}.") from None


def _sentence(error: ValidationError) -> str:
    """Name the first mistake, and how many others there are."""
    first, *others = error.errors()
    place = ".".join(map(str, first["loc"])) or "the list"
    unknown = first["type"] == "extra_forbidden"
    message = "this key is unknown" if unknown else first["msg"].removeprefix("Value error, ")
    more = f" (and {len(others)} more)" if others else ""
    return f"{place}: {message[0].lower()}{message[1:]}{more}."


def _numbers_in_one_line(text: str) -> str:
    """Put lists of numbers on one line each. A line break never stands inside a JSON string, so no string changes."""
    return re.sub(r"\[\n([\s\d,.eE+-]+)\n\s*\]", lambda found: f"[{' '.join(found[1].split())}]", text)
