"""What of a run folder makes a data set elsewhere: the files of its card, and the card itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from seedscope.analysis.dataset.card import MARK, NAME, card
from seedscope.analysis.dataset.listed import listed
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.tables.run_folder import RunFolder

WITH_PICTURES = frozenset({"images", "early"})
"""Tables that hold pictures."""
BESIDE = ("golden.json", "golden.csv", "golden.txt", "study.json")
"""Files that are no tables, and go along."""
SHEET = "contact_sheet.png"


@dataclass(frozen=True)
class Upload:
    """A file of a data set. path: in the repository; size: bytes; content: where the file lies, or what is in it."""

    path: str
    size: int
    content: Callable[[], Path | bytes]


def uploads(folder: RunFolder, repository: str, *, pictures: bool) -> list[Upload]:
    """The files of a run that make a data set: its card, its tables, and the golden list.

    Args:
        repository: the name that the data set will have, `owner/name`.
        pictures: whether tables that hold pictures, and the contact sheet, are among them.

    Raises:
        UserError: the run has no card yet, or one that names no tables.
    """
    try:
        text = folder.storage.read(NAME).decode()
    except FileNotFoundError:
        raise UserError(
            f"{folder.storage.url}: has no {NAME} yet, which says what tables there are. `seedscope export "
            f"{folder.storage.url}` writes it."
        ) from None
    configs = [each for each in _configs(folder, text) if pictures or each["config_name"] not in WITH_PICTURES]
    patterns = [str(each["data_files"]) for each in configs]
    if MARK in text:
        shown = [each for each in listed(folder) if each.columns and each.files in patterns]
        text = card(_title(text), repository, shown)
    found = [Upload(NAME, len(text.encode()), text.encode)]
    for pattern in patterns:
        place, _, name = pattern.rpartition("/")
        found += _files(folder.storage.inside(place) if place else folder.storage, place, name)
    for name in [*BESIDE, *([SHEET] if pictures else [])]:
        found += _files(folder.storage, "", name)
    return found


def _files(storage: Storage, place: str, pattern: str) -> Iterator[Upload]:
    """The files of a folder that fit a pattern, by name."""
    for name, entry in sorted(storage.entries().items()):
        if fnmatchcase(name, pattern) and not name.startswith("."):
            content = partial(storage.read, name) if storage.local is None else partial(Path, storage.local, name)
            yield Upload(f"{place}/{name}" if place else name, entry.size, content)


def _head(text: str) -> dict[str, Any]:
    parts = text.split("---\n", 2)
    head = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    return head if isinstance(head, dict) else {}


def _title(text: str) -> str:
    return str(_head(text).get("pretty_name", "run"))


def _configs(folder: RunFolder, text: str) -> list[dict[str, Any]]:
    try:
        found = _head(text).get("configs")
    except yaml.YAMLError:
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) and "data_files" in each for each in found):
        raise UserError(
            f"{folder.storage.url}/{NAME}: names no tables (`configs`) in its head. Remove it, and `seedscope export "
            f"{folder.storage.url}` writes it again."
        )
    return [{"config_name": "", **each} for each in found]
