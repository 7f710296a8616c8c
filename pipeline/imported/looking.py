"""The pictures below a folder, and what of it cannot be looked at."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

_UNREAD = (".heic", ".heif", ".jxl", ".psd", ".exr", ".dng")  # that Pillow does not read as it is


def find_pictures(folder: Path, outside: Path, readable: Collection[str]) -> tuple[list[Path], dict[Path, str]]:
    """The files with a readable ending, in order of name, and what is left out, with the reason.

    Links to folders are followed, each folder being looked at once; one that leads to a folder around this one is not. What
    begins with ._ is macOS's note on a file of another file system, not a picture.

    Args:
        outside: a folder that is not looked into.
        readable: endings in lower case.
    """
    pictures: list[Path] = []
    unseen: dict[Path, str] = {}
    for file in _files(folder, outside.resolve(), unseen):
        if file.name.startswith("._"):
            continue
        if file.suffix.lower() in readable:
            pictures.append(file)
        elif file.suffix.lower() in _UNREAD:
            unseen[file] = f"pictures of the kind {file.suffix.lower()} are not read: save it as PNG"
    return sorted(pictures), dict(sorted(unseen.items()))


def _files(folder: Path, outside: Path, unseen: dict[Path, str]) -> Iterator[Path]:
    """All files below a folder; `unseen` gets the folders that cannot be listed."""
    around = {folder.resolve(), *folder.resolve().parents}
    looked: set[Path] = set()
    waiting, links = [folder], list[Path]()
    while waiting or links:
        at = waiting.pop() if waiting else links.pop(0)
        real = at.resolve()
        if real in looked or real == outside or outside in real.parents:
            continue
        looked.add(real)
        try:
            entries = sorted(os.scandir(at), key=lambda entry: entry.name)
        except OSError as error:
            unseen[at] = f"this folder cannot be looked into: {error.strerror}"
            continue
        for entry in entries:
            path = at / entry.name
            if entry.is_file() and not (entry.is_symlink() and path.resolve().is_relative_to(outside)):
                yield path
            elif entry.is_dir() and not entry.is_symlink():
                waiting.append(path)
            elif entry.is_dir() and path.resolve() not in around:
                links.append(path)
