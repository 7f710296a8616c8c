"""The sha256 of files, by which weights, pictures and shards are known."""

import hashlib
from pathlib import Path
from typing import Protocol

BLOCK = 8 * 2**20


class Readable(Protocol):
    """What is read from its place on, such as an open file."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return sha256_of_open(file)


def sha256_of_open(file: Readable) -> str:
    """The sha256 of a file from its place on, in hexadecimal.

    By large blocks: of a file in an object store each of them is a request, and `hashlib.file_digest` asks for little ones.
    """
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()
