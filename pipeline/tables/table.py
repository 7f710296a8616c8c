"""Tables of shards: published once, committed by a receipt, checked against both.

A table is a folder `<stage>-<hash8>/`, named by what made it. A unit becomes one shard in it, and a shard counts from the
moment that its receipt exists, `receipts/<table>/<unit>.json` beside that folder. Both are created, never replaced: the first
writer wins, and a writer that dies leaves nothing that counts. On a file system the first attempt's shard is
`<unit>.parquet`. One of other bytes, and each in an object store, has a name of its own, `<unit>.<attempt>.parquet`; the
receipt says whose counts.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic_core import from_json
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.storage import storage
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.storage.local import SCRATCH
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables import receipts
from seedscope.pipeline.tables.ahead import ahead
from seedscope.pipeline.tables.beside import Beside
from seedscope.pipeline.tables.parquet import Groups, Rows, parquet, read_rows, read_through, write_parquet
from seedscope.pipeline.tables.receipts import READS, Receipt, no_garbage_collection
from seedscope.pipeline.tables.shards import Depth, Shard, committed_shards, damage, opened, shard_name, shard_sha256

KEY = ("prompt_id", "seed")
CHECKERS = 8
"""Shards that are checked at a time."""
READERS = 16
"""Shards of which one column is read at a time: more than there are cores, since a store keeps a reader waiting."""


@dataclass(frozen=True, init=False)
class Table:
    """A folder of shards with one schema. Cheap and picklable: it holds a place, no open files."""

    storage: Storage
    schema: pa.Schema

    def __init__(self, location: Storage | Path | str, schema: pa.Schema) -> None:
        object.__setattr__(self, "storage", storage(location))
        object.__setattr__(self, "schema", schema)

    @classmethod
    def of(cls, run: Storage | Path | str, stage: str, cause: str, schema: pa.Schema) -> "Table":
        """The table of a stage in a run folder; `cause` is the sha256 over everything that changes its content."""
        return cls(storage(run).inside(f"{stage}-{cause[:8]}"), schema)

    @property
    def name(self) -> str:
        """The name of its folder, such as `images-1a2b3c4d`."""
        return self.storage.url.rsplit("/", 1)[-1]

    def shard(self, unit: str) -> str:
        """Where a unit's shard lies, for people: without the attempt, if it is named after one."""
        return f"{self.storage.url}/{unit if self.storage.local is None else shard_name(unit)}"

    def has(self, unit: str) -> bool:
        """Whether the unit is committed."""
        return receipts.there(self.storage, unit)

    def committed(self) -> set[str]:
        """The names of all units that have a receipt."""
        return receipts.units(self.storage)

    def receipt(self, unit: str) -> Receipt:
        """The receipt of a committed unit.

        Raises:
            CorruptShard: there is none, or it cannot be read.
        """
        try:
            return receipts.read(self.storage, unit)
        except (OSError, ValueError) as error:
            raise self._unreadable(unit, error) from error

    @no_garbage_collection()
    def receipts(self) -> dict[str, Receipt]:
        """All receipts by unit, in one sweep.

        Raises:
            CorruptShard: one cannot be read.
        """
        rows = self.ledger("unit", "rows", "failed", "bytes", "sha256", "made", "shard").to_pylist()
        return {row["unit"]: Receipt(**row | {"made": from_json(row["made"])}) for row in rows}

    def ledger(self, *columns: str) -> pa.Table:
        """Columns of all receipts, a row each, as `receipts.sweep` has them: far quicker than objects, where there are many.

        Raises:
            CorruptShard: one cannot be read.
        """
        rows, unreadable = receipts.sweep(self.storage, columns)
        for unit, reason in unreadable.items():
            raise self._unreadable(unit, reason)
        return rows

    def _unreadable(self, unit: str, error: Exception | str) -> CorruptShard:
        return CorruptShard(f"{receipts.place(self.storage, unit)}: no readable receipt: {error}")

    def compact(self) -> None:
        """Gather the receipts into an index, so that all are read by few requests. For the process that holds the run."""
        receipts.compact(self.storage)

    def publish(self, unit: Unit, rows: Rows, made: dict[str, Json]) -> Receipt:
        """Write the rows of a unit, check what was written, and commit it.

        Where the store cannot create conditionally the commit is left to the process that holds the run: see `commit`.

        Args:
            unit: whose cells the rows must be: each exactly once, in order.
            rows: of the table's schema.
            made: how the rows were made (host, versions, times); goes into the receipt, so that shards do not depend on it.
                It is looked at when all rows are written.

        Returns:
            The receipt that counts: an earlier one, where another writer was first.

        Raises:
            ValueError: the rows are not the unit's cells, or not of the table's schema.
            StorageError: the table cannot be written.
        """
        written = _Written()
        with self.storage.scratch(unit.name) as scratch:
            write_parquet(Groups.of(rows).through(partial(map, written.note)), self.schema, scratch)
            if written.keys != [(prompt.id, seed) for prompt, seed in unit.cells]:
                raise ValueError(f"{self.name}: the rows for unit {unit.name} are not exactly its cells, in order")
            with parquet(pa.OSFile(str(scratch)), str(scratch)) as file:
                read_through(file, self.schema, str(scratch))
            receipt = Receipt(
                unit=unit.name,
                rows=len(written.keys),
                failed=written.failed,
                bytes=scratch.stat().st_size,
                sha256=sha256_of(scratch),
                made=made,
            )
            receipt = self._named(scratch, receipt)
        return self.commit(receipt) if self.storage.conditional else receipt

    def _named(self, scratch: Path, receipt: Receipt) -> Receipt:
        """Give the shard a name: on a file system the unit's, unless a shard of other bytes has it, which may count."""
        if self.storage.local is not None:
            shard = shard_name(receipt.unit)
            try:
                self.storage.publish(scratch, shard)
                return receipt
            except FileExistsError:
                if _has_sha256(self.storage, shard, receipt.sha256):
                    return receipt
        receipt = replace(receipt, shard=f"{receipt.unit}.{os.urandom(6).hex()}.parquet")
        self.storage.publish(scratch, str(receipt.shard))
        return receipt

    def commit(self, receipt: Receipt) -> Receipt:
        """Make a published shard count, unless the unit has one that does; return the receipt that counts.

        The shard of an attempt that came too late is removed. Any process may commit where the store creates conditionally,
        elsewhere the one alone that holds the run. What is committed already costs one small read.

        Raises:
            StorageError: the table cannot be written.
        """
        try:
            counts = self.receipt(receipt.unit)
        except CorruptShard:
            try:
                receipts.create(self.storage, receipt)
                return receipt
            except FileExistsError:
                counts = self.receipt(receipt.unit)
        if receipt.shard is not None and receipt.shard != counts.shard:
            self.storage.delete(receipt.shard)
        return counts

    @contextmanager
    def opened(self, unit: str) -> Iterator[pq.ParquetFile]:
        """The shard of a committed unit: only those row groups and columns are read that are asked for.

        Raises:
            CorruptShard: the shard is missing, cut off, or has bytes that do not match their checksum.
        """
        with opened(self.storage, Shard.of(self.receipt(unit)).name) as file:
            yield file

    def read(self, unit: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a committed unit, page checksums verified.

        Raises:
            CorruptShard: the shard is missing, cut off, or has bytes that do not match their checksum.
        """
        return self._rows(self.receipt(unit), columns)

    def values(self, units: Iterable[str], column: str) -> Iterator[pa.ChunkedArray]:
        """A column of committed units, one unit after the other; page checksums verified, and some shards read ahead.

        In a unit the order is that of its cells, which `publish` made sure of: ids are not read. Null where a row failed,
        whatever it has: which did is read only where the receipt counts any. For numbers; longer rows would fill the memory.

        Raises:
            CorruptShard: a shard is missing, cut off, or has bytes that do not match their checksum.
        """
        return ahead(partial(self._values, column), units, READERS)

    def _values(self, column: str, unit: str) -> pa.ChunkedArray:
        receipt = self.receipt(unit)
        if not receipt.failed:
            return self._rows(receipt, [column])[column]
        rows = self._rows(receipt, ["status", column])
        return pc.if_else(pc.equal(rows["status"], "ok"), rows[column], None)

    @retry(retry=retry_if_exception_type(CorruptShard), stop=stop_after_attempt(READS), reraise=True)
    def _rows(self, receipt: Receipt, columns: Sequence[str] | None) -> pa.Table:
        shard = Shard.of(receipt).name
        place = f"{self.storage.url}/{shard}"
        with opened(self.storage, shard) as file:
            rows = read_rows(file, self.schema, place, columns)
        if rows.num_rows != receipt.rows:
            raise CorruptShard(f"{place}: has {rows.num_rows} rows, its receipt says {receipt.rows}")
        return rows

    def damage(self, unit: str, *, deep: bool) -> str | None:
        """What is wrong with a committed unit: None, or a sentence. `deep` reads every byte, else size and footer only."""
        try:
            receipt = self.receipt(unit)
        except CorruptShard as error:
            return str(error)
        shard = Shard.of(receipt)
        return damage(self.storage, shard, self.storage.size(shard.name), "bytes" if deep else "footer")

    @no_garbage_collection()
    def damaged(self, units: Iterable[str], depth: Depth | int) -> dict[str, str]:
        """What is wrong with the damaged ones of some units, by unit; those that are not committed are passed over.

        What looks damaged is looked at once more: its bytes may have been cut on their way, and another process may have taken
        the unit back meanwhile, and made it anew.

        Args:
            depth: what is compared with the receipt. Sizes come from one listing; footers and bytes are read from each shard.
                A number: bytes if the table has no more of them and lies on this machine, and sizes otherwise.
        """
        names = list(units)
        sizes = {name: entry.size for name, entry in self.storage.entries().items()}
        if isinstance(depth, int):
            depth = "bytes" if self.storage.local is not None and sum(sizes.values()) <= depth else "size"
        shards, unreadable = committed_shards(self.storage)

        def look(unit: str) -> str | None:
            if unit not in shards:
                return str(self._unreadable(unit, unreadable[unit])) if unit in unreadable else None
            return damage(self.storage, shards[unit], sizes.get(shards[unit].name), depth)

        if depth == "size":  # nothing is to be waited for
            found = {unit: look(unit) for unit in names}
        else:
            with ThreadPoolExecutor(CHECKERS) as checkers:
                found = dict(zip(names, checkers.map(look, names), strict=True))
        again = {unit for unit, reason in found.items() if reason is not None and self.has(unit)}
        looks = {unit: self.damage(unit, deep=depth == "bytes") for unit in sorted(again)}
        return {unit: reason for unit, reason in looks.items() if reason is not None}

    def revoke(self, unit: str) -> None:
        """Take a unit back: it is to be made again. The receipt goes first, so that no reader meets one without shard."""
        try:
            shard: str | None = Shard.of(self.receipt(unit)).name
        except CorruptShard:
            shard = None  # it goes with `clear_scratch`, once the unit is made again
        receipts.delete(self.storage, unit)
        if shard is not None:
            self.storage.delete(shard)

    def give_up(self, unit: str, reason: str) -> None:
        """Note for people why a unit is not made for now."""
        Beside.given_up(self.storage).place.replace(unit, reason.encode())

    def given_up(self) -> dict[str, str]:
        """Units that were given up and not made since, with the reasons."""
        notes = Beside.given_up(self.storage)
        units = notes.names()
        units -= self.committed() if units else set()
        return {unit: notes.read(unit).decode(errors="replace") for unit in sorted(units)}

    def take_up(self, units: Iterable[str]) -> None:
        """Take the notes on units away, which are tried again."""
        notes = Beside.given_up(self.storage)
        for unit in notes.names().intersection(units):
            notes.delete(unit)

    def clear_scratch(self) -> None:
        """Remove what writers that died left. Only for the one driver that holds the run's lock."""
        if self.storage.local is not None:
            for left in self.storage.entries(SCRATCH):
                self.storage.delete(f"{SCRATCH}/{left}")
        shards: dict[str, list[str]] = {}
        for name in self.storage.names():
            if name.endswith(".parquet"):
                shards.setdefault(name.rsplit(".", 2)[0], []).append(name)
        for unit, names in shards.items():
            if len(names) > 1:
                self._clear_losers(unit, names)

    def _clear_losers(self, unit: str, shards: Iterable[str]) -> None:
        """Remove all shards of a unit but the one that counts.

        Without receipt all of them stay: one may be that of a worker which is just about to commit it.
        """
        with suppress(CorruptShard):
            counts = Shard.of(self.receipt(unit)).name
            for name in shards:
                if name != counts:
                    self.storage.delete(name)


@dataclass
class _Written:
    """The cells of rows that have been written, in order, and how many of them failed."""

    keys: list[tuple[str, int]] = field(default_factory=list)
    failed: int = 0

    def note(self, group: pa.Table) -> pa.Table:
        """Count a group in, and hand it on."""
        self.keys += zip(*(group.column(name).to_pylist() for name in KEY), strict=True)
        self.failed += group.num_rows - group.column("status").to_pylist().count("ok")
        return group


def _has_sha256(storage: Storage, shard: str, sha256: str) -> bool:
    """Whether a shard can be read and has those bytes."""
    try:
        return shard_sha256(storage, shard) == sha256
    except OSError:  # it was swept meanwhile, or its disk is damaged
        return False
