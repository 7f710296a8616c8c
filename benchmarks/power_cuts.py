"""What is on a disk after a power cut: of what was not synced, a file system may keep nothing, all, or names without content.

A file's content is safe from its fsync on, a name in a folder from the fsync of the folder on. Of the rest POSIX promises
nothing. Four disks that keep to it, of the endless number that do:

- `none`: neither names nor contents that were not synced;
- `names`: all names as they were, and empty what was not synced: what XFS has after a rename without fsync;
- `half`: as `names`, with half of each content;
- `both`: as `names`, and names that were taken away are there still.
"""

import os
from collections.abc import Mapping
from pathlib import Path

DISKS = ("none", "names", "half", "both")
Names = dict[str, int]


class Disk:
    """What a disk holds safely of a folder while a process changes it; all that is there at the start is safe.

    Files and folders are known by numbers, and held open, so that what is removed can be looked at still.
    """

    def __init__(self, folder: Path) -> None:
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, Names] = {}
        self._handles: list[int] = []
        self._numbers: dict[int, int] = {}
        self._root = self._number(str(folder))
        self._sync_all(self._root)

    def called(self, name: str, path: str) -> None:
        """Note what a call makes safe."""
        if name == "fsync":
            self._sync(self._number(path))

    def after(self, disk: str, to: Path) -> None:
        """Write what would be found after a power cut now into a new folder; `disk` is one of `DISKS`."""
        self._restore(self._root, disk, to)

    def _number(self, path: str, folder: int | None = None) -> int:
        inode = os.stat(path, dir_fd=folder).st_ino
        if inode not in self._numbers:
            self._numbers[inode] = len(self._handles)
            self._handles.append(os.open(path, os.O_RDONLY, dir_fd=folder))
        return self._numbers[inode]

    def _is_folder(self, number: int) -> bool:
        return os.path.isdir(self._handles[number])  # noqa: PTH112  (it has no path)

    def _sync(self, number: int) -> None:
        if self._is_folder(number):
            self._names[number] = self._now(number)
        else:
            self._contents[number] = self._read(number)

    def _sync_all(self, number: int) -> None:
        self._sync(number)
        for inner in self._names.get(number, {}).values():
            self._sync_all(inner)

    def _now(self, number: int) -> Names:
        handle = self._handles[number]
        return {name: self._number(name, handle) for name in os.listdir(handle)}  # noqa: PTH208

    def _read(self, number: int) -> bytes:
        handle = self._handles[number]
        return os.pread(handle, os.fstat(handle).st_size, 0)

    def _restore(self, number: int, disk: str, to: Path) -> None:
        if not self._is_folder(number):
            to.write_bytes(self._content(number, disk))
            return
        to.mkdir()
        safe, now = self._names.get(number, {}), self._now(number)
        for name, inner in {"none": safe, "both": safe | now}.get(disk, now).items():
            self._restore(inner, disk, to / name)

    def _content(self, number: int, disk: str) -> bytes:
        if number in self._contents:
            return self._contents[number]
        whole = self._read(number)
        return whole[: len(whole) // 2] if disk == "half" else b""


def torn(image: Path, good: Mapping[str, set[bytes]]) -> list[str]:
    """The visible files of a disk that are neither what they were before nor what they were to become.

    Args:
        good: all contents that a file may have, by its place; those of files that are not named are not looked at.
    """
    found = ((file.relative_to(image).as_posix(), file) for file in sorted(image.rglob("*")) if file.is_file())
    return [
        f"{place} has {file.stat().st_size:,} bytes"
        for place, file in found
        if place in good and file.read_bytes() not in good[place]
    ]
