"""Tables of shards: published once, committed by a receipt, checked against both.

A table is a folder `<stage>-<hash8>/`, named by what made it. A unit becomes one shard `<unit>.parquet` in it, and a shard
counts from the moment that its receipt `receipts/<unit>.json` exists. Both are created, never replaced: the first writer
wins, and a writer that dies leaves nothing but a scratch file.
"""

import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.pipeline.errors import CorruptShard, StorageError
from seedscope.pipeline.images import IMAGE, schema_with_images
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.study import Json

ROW_GROUP = 64
KEY = ("prompt_id", "seed")
CELL_FIELDS = [pa.field("prompt_id", pa.string()), pa.field("seed", pa.int64())]
STATUS_FIELDS = [pa.field("status", pa.string()), pa.field("error", pa.string())]
IMAGE_SCHEMA = schema_with_images(
    [
        CELL_FIELDS[0],
        pa.field("prompt", pa.string()),
        CELL_FIELDS[1],
        pa.field("image", IMAGE),
        *STATUS_FIELDS,
    ]
)
INPAINT_SCHEMA = schema_with_images([*IMAGE_SCHEMA, pa.field("task", pa.string()), pa.field("mask", IMAGE)])
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file size limit is reached",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing is not permitted",
    errno.EPERM: "writing is not permitted",
    errno.ENOTDIR: "a file is in the way of a folder",
}


@dataclass(frozen=True)
class Receipt:
    """What was published for a unit, and how it was made."""

    unit: str
    rows: int
    failed: int
    bytes: int
    sha256: str
    made: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A folder of shards with one schema. Cheap and picklable: it holds a path, no open files."""

    folder: Path
    schema: pa.Schema

    @classmethod
    def of(cls, root: Path, stage: str, cause: str, schema: pa.Schema) -> "Table":
        """The table of a stage in a run folder; `cause` is the sha256 over everything that changes its content."""
        return cls(root / f"{stage}-{cause[:8]}", schema)

    def shard(self, unit: str) -> Path:
        return self.folder / f"{unit}.parquet"

    def _receipt(self, unit: str) -> Path:
        return self.folder / "receipts" / f"{unit}.json"

    def has(self, unit: str) -> bool:
        """Whether the unit is committed."""
        return self._receipt(unit).exists()

    def committed(self) -> set[str]:
        """The names of all units that have a receipt."""
        try:
            return {entry.name[:-5] for entry in os.scandir(self.folder / "receipts") if entry.name.endswith(".json")}
        except FileNotFoundError:
            return set()

    def receipt(self, unit: str) -> Receipt:
        """The receipt of a committed unit.

        Raises:
            CorruptShard: there is none, or it cannot be read.
        """
        try:
            return Receipt(**json.loads(self._receipt(unit).read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise CorruptShard(f"{self._receipt(unit)}: no readable receipt: {error}") from error

    def publish(self, unit: Unit, rows: pa.Table, made: dict[str, Json]) -> Receipt:
        """Write the rows of a unit, check what was written, and commit it.

        Args:
            unit: whose cells the rows must be: each exactly once, in order.
            rows: of the table's schema.
            made: how the rows were made (host, versions, times); goes into the receipt, so that shards do not depend on it.

        Returns:
            The receipt that counts: an earlier one, where another writer was first.

        Raises:
            ValueError: the rows are not the unit's cells, or not of the table's schema.
            StorageError: the folder cannot be written.
        """
        keys = [(prompt.id, seed) for prompt, seed in unit.cells()]
        if list(zip(*(rows.column(name).to_pylist() for name in KEY), strict=True)) != keys:
            raise ValueError(f"{self.folder.name}: the rows for unit {unit.name} are not exactly its cells, in order")
        with _storage(self.folder):
            scratch_folder = self.folder / ".scratch"
            for folder in (scratch_folder, self.folder / "receipts"):
                folder.mkdir(parents=True, exist_ok=True)
            scratch = scratch_folder / f"{unit.name}.{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}"
            try:
                write_parquet(rows.cast(self.schema), scratch)
                _read_whole(scratch, self.schema)
                receipt = Receipt(
                    unit=unit.name,
                    rows=rows.num_rows,
                    failed=rows.num_rows - rows.column("status").to_pylist().count("ok"),
                    bytes=scratch.stat().st_size,
                    sha256=_sha256(scratch),
                    made=made,
                )
                self._link(scratch, unit.name, receipt)
            finally:
                scratch.unlink(missing_ok=True)
            return self._commit(receipt)

    def _link(self, scratch: Path, unit: str, receipt: Receipt) -> None:
        """Give the shard its name, unless a committed one has it. A shard without receipt gives way if it is damaged."""
        shard = self.shard(unit)
        while not self.has(unit):
            try:
                os.link(scratch, shard)
            except FileExistsError:
                if _sha256(shard) == receipt.sha256:
                    return
                shard.unlink(missing_ok=True)
                continue
            _sync_folder(self.folder)
            return

    def _commit(self, receipt: Receipt) -> Receipt:
        try:
            create(self._receipt(receipt.unit), json.dumps(asdict(receipt), indent=1).encode())
        except FileExistsError:
            return self.receipt(receipt.unit)
        return receipt

    def read(self, unit: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a committed unit, page checksums verified.

        Raises:
            CorruptShard: the shard is missing, cut off, or has bytes that do not match their checksum.
        """
        receipt = self.receipt(unit)
        rows = _read_whole(self.shard(unit), self.schema, columns)
        if rows.num_rows != receipt.rows:
            raise CorruptShard(f"{self.shard(unit)}: has {rows.num_rows} rows, its receipt says {receipt.rows}")
        return rows

    def damage(self, unit: str, *, deep: bool) -> str | None:
        """What is wrong with a committed unit: None, or a sentence. `deep` reads every byte, else size and footer only."""
        try:
            receipt, shard = self.receipt(unit), self.shard(unit)
            if not shard.exists():
                return f"{shard}: is missing"
            if shard.stat().st_size != receipt.bytes:
                return f"{shard}: has {shard.stat().st_size} bytes, its receipt says {receipt.bytes}"
            if deep and _sha256(shard) != receipt.sha256:
                return f"{shard}: its bytes have changed since it was published (sha256 differs from its receipt)"
            pq.read_metadata(shard)
        except CorruptShard as error:
            return str(error)
        except (OSError, pa.ArrowException) as error:
            return f"{self.shard(unit)}: cannot be read: {error}"
        return None

    def revoke(self, unit: str) -> None:
        """Take a unit back: it is to be made again. The receipt goes first, so that no reader meets one without shard."""
        with _storage(self.folder):
            self._receipt(unit).unlink(missing_ok=True)
            self.shard(unit).unlink(missing_ok=True)

    def clear_scratch(self) -> None:
        """Remove what writers that died left. Only for the one driver that holds the run's lock."""
        with _storage(self.folder):
            for left in (self.folder / ".scratch").glob("*"):
                left.unlink(missing_ok=True)


def write_parquet(rows: pa.Table, path: Path) -> None:
    """Parquet that others open: pictures neither compressed again nor dictionary-encoded, pages indexed and checksummed."""
    pictures = [f"{item.name}.{part}" for item in rows.schema if item.type == IMAGE for part in ("bytes", "path")]
    leaves = [item.name for item in rows.schema if item.type != IMAGE] + pictures
    # pyarrow names the values of a list column `name.list.element`.
    lists = {item.name: f"{item.name}.list.element" for item in rows.schema if pa.types.is_fixed_size_list(item.type)}
    leaves = [lists.get(leaf, leaf) for leaf in leaves]
    pq.write_table(
        rows,
        path,
        row_group_size=ROW_GROUP,
        compression={leaf: "NONE" if leaf in pictures else "ZSTD" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if leaf in ("prompt_id", "prompt", "seed", "status", "task")],
        write_page_index=True,
        write_page_checksum=True,
    )
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def create(path: Path, content: bytes) -> None:
    """Create a small file with all its content or not at all.

    Raises:
        FileExistsError: it is there already.
        StorageError: the folder cannot be written.
    """
    with _storage(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            with scratch.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)
        _sync_folder(path.parent)


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that may be made anew at any time, such as the seeds table: all of it, or what was there before.

    Raises:
        StorageError: the folder cannot be written.
    """
    with _storage(path.parent):
        scratch = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            write(scratch)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


def _read_whole(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, memory_map=False) as file:
            if file.schema_arrow != schema:
                raise CorruptShard(f"{path}: has another schema than its table")
            return file.read(columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        raise CorruptShard(f"{path}: cannot be read: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _storage(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageError(
            f"{folder}: {_FULL[error.errno]}. What is published is safe; make room or choose another folder with --out, "
            "then run the same command again: it goes on where it stopped."
        ) from error
