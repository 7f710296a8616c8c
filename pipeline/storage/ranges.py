"""An object as a file of which any part can be read."""

import io
import os
from collections.abc import Callable
from typing import Any


class Ranges(io.RawIOBase):
    """A file each read of which is one request for a range. fsspec's own files fetch megabytes ahead, columns or not.

    Args:
        fetch: (start, end) -> the bytes from the one to the other, the latter not among them.
        size: bytes.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch, self._size, self._at = fetch, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        found = self._fetch(self._at, end)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
