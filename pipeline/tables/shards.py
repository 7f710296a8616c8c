"""A shard as its receipt has it: opening it, and what is wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import pyarrow.parquet as pq

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.storage.hashes import sha256_of_open
from seedscope.pipeline.tables import receipts
from seedscope.pipeline.tables.parquet import parquet, tuples
from seedscope.pipeline.tables.receipts import Receipt

Depth = Literal["size", "footer", "bytes"]


class Shard(NamedTuple):
    """What a receipt says of its shard: its name, its size and its sha256."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, receipt: Receipt) -> "Shard":
        return cls(receipt.shard or shard_name(receipt.unit), receipt.bytes, receipt.sha256)


def shard_name(unit: str) -> str:
    """The name of a unit's shard, where its receipt gives none."""
    return f"{unit}.parquet"


def committed_shards(storage: Storage) -> tuple[dict[str, Shard], dict[str, str]]:
    """The shard of each unit that has a receipt, and what is wrong with receipts that cannot be read, by unit."""
    rows, unreadable = receipts.sweep(storage, ("unit", "shard", "bytes", "sha256"))
    return {unit: Shard(name or shard_name(unit), *rest) for unit, name, *rest in tuples(rows)}, unreadable


@contextmanager
def opened(storage: Storage, name: str) -> Iterator[pq.ParquetFile]:
    """A shard of which only those row groups and columns are read that are asked for.

    Raises:
        CorruptShard: it is missing or cut off.
    """
    try:
        source = storage.open(name)
    except FileNotFoundError as error:
        raise CorruptShard(f"{storage.url}/{name}: cannot be read: {error}") from error
    with parquet(source, f"{storage.url}/{name}", remote=storage.local is None) as file:
        yield file


def damage(storage: Storage, shard: Shard, size: int | None, depth: Depth) -> str | None:
    """What is wrong with a shard: None, or a sentence.

    Args:
        size: that it has, in bytes; None where it is missing.
        depth: what is compared with the receipt beside that.
    """
    place = f"{storage.url}/{shard.name}"
    if size is None:
        return f"{place}: is missing"
    if size != shard.bytes:
        return f"{place}: has {size} bytes, its receipt says {shard.bytes}"
    try:
        if depth == "bytes" and shard_sha256(storage, shard.name) != shard.sha256:
            return f"{place}: its bytes have changed since it was published (sha256 differs from its receipt)"
        if depth != "size":
            with opened(storage, shard.name):
                pass
    except CorruptShard as error:
        return str(error)
    except OSError as error:
        return f"{place}: cannot be read: {error}"
    return None


def shard_sha256(storage: Storage, name: str) -> str:
    """The sha256 of a shard that there is, in hexadecimal."""
    with storage.open(name) as file:
        return sha256_of_open(file)
