"""Receipts: what was published for a unit, one by one, and all of a table in one sweep.

The sweep reads an index where it is true, and single receipts where it is not. The index has what is asked of many receipts
in columns, and the rest as text: status and resuming read columns alone. All lie beside the folder of the table, which is the
`storage` that these functions are given; see `beside`.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import to_json

from seedscope.pipeline.storage.base import Entry, Storage
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, validated
from seedscope.pipeline.tables.beside import Beside
from seedscope.pipeline.tables.parquet import in_memory
from seedscope.pipeline.tables.sealed import sealed, unsealed

SUFFIX = ".json"
INDEX = ".index.parquet"
READS = 3
"""Times that a receipt is read which cannot be understood."""
LOOSE = 32
"""Requests at a time for receipts that are not in the index."""
_STAMPED = ("unit", "stamp")
_SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("stamp", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("failed", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("shard", pa.string()),
        pa.field("source", pa.string()),
        pa.field("finished", pa.float64()),
        pa.field("seconds", pa.float64()),
        pa.field("worker", pa.string()),
        pa.field("made", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Receipt:
    """What was published for a unit, and how it was made. `shard` is its name where that is not the unit's."""

    unit: str
    rows: int
    failed: int
    bytes: int
    sha256: str
    made: dict[str, Json] = field(default_factory=dict)
    shard: str | None = None

    @property
    def source(self) -> str | None:
        """What it was made from: of measurements, the sha256 of the pictures."""
        found = self.made.get("source")
        return found if isinstance(found, str) else None

    @property
    def finished(self) -> float | None:
        """When it was published, in seconds since the epoch, by its worker's clock."""
        with suppress(ValueError):
            return datetime.fromisoformat(str(self.made.get("finished"))).timestamp()
        return None

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        found = self.made.get("seconds")
        return float(found) if isinstance(found, int | float) else None

    @property
    def worker(self) -> str | None:
        """Who made it: `host:process`."""
        host, process = self.made.get("host"), self.made.get("process")
        return None if host is None or process is None else f"{host}:{process}"


def written(receipt: Receipt) -> bytes:
    """The file of a receipt. Its checksum is among what it says of the making, where earlier versions do not stumble on it."""
    return sealed(asdict(receipt), indent=1, inside="made")


def read(storage: Storage, unit: str) -> Receipt:
    """The receipt of a unit. One that cannot be understood is read again: it may have been cut on its way.

    Raises:
        ValueError: it is none, or that of another unit, or damaged.
        OSError: it cannot be read; FileNotFoundError: there is none.
    """
    for _ in range(READS - 1):
        with suppress(ValueError):
            return parsed(unit, Beside.receipts(storage).read(_name(unit)))
    return parsed(unit, Beside.receipts(storage).read(_name(unit)))


def parsed(unit: str, content: bytes) -> Receipt:
    """The receipt of a unit, from its file.

    Raises:
        ValueError: it is none, or that of another unit, or damaged.
    """
    try:
        receipt = Receipt(**unsealed(content, inside="made"))  # type: ignore[arg-type]  # what it has is looked at below
    except TypeError as error:
        raise ValueError(str(error)) from error
    counts, texts = (receipt.rows, receipt.failed, receipt.bytes), (receipt.sha256, receipt.shard or "")
    if not (set(map(type, counts)) == {int} and set(map(type, texts)) == {str} and isinstance(receipt.made, dict)):
        raise ValueError("its values are not those of a receipt")
    if receipt.unit != unit:
        raise ValueError(f"it is that of unit {receipt.unit}")
    return receipt


def create(storage: Storage, receipt: Receipt) -> None:
    """Write a receipt.

    Raises:
        FileExistsError: its unit has one.
        StorageError: the table cannot be written.
    """
    Beside.receipts(storage).place.create(_name(receipt.unit), written(receipt))


def there(storage: Storage, unit: str) -> bool:
    """Whether a unit has a receipt."""
    return Beside.receipts(storage).has(_name(unit))


def delete(storage: Storage, unit: str) -> None:
    """Remove the receipt of a unit, if it has one."""
    Beside.receipts(storage).delete(_name(unit))


def place(storage: Storage, unit: str) -> str:
    """Where the receipt of a unit lies, for people."""
    return f"{Beside.receipts(storage).place.url}/{_name(unit)}"


def _name(unit: str) -> str:
    return f"{unit}{SUFFIX}"


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For a block or a function that makes many objects which stay: Python would search them over and over, for a third of
    the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def units(storage: Storage) -> set[str]:
    """The units that have a receipt."""
    return {name.removesuffix(SUFFIX) for name in Beside.receipts(storage).names() if name.endswith(SUFFIX)}


def sweep(storage: Storage, columns: Sequence[str]) -> tuple[pa.Table, dict[str, str]]:
    """Some columns of all receipts, one row each, and what is wrong with those that cannot be read, by unit.

    A row of the index counts only if the listing has the same receipt with the same stamp: with the index gone, outdated or
    damaged, the answer is the same, and takes longer.

    Args:
        columns: of `unit`, `rows`, `failed`, `bytes`, `sha256`, `shard`, and, null where the receipt does not say,
            `source`, `finished`, `seconds`, `worker` (as of `Receipt`); `made` as JSON.
    """
    found = _listed(storage)
    rows, unreadable = _swept(storage, found, _index(storage, [*_STAMPED, *columns]) if found else _none())
    return rows.select(list(columns)), unreadable


def compact(storage: Storage) -> None:
    """Write the index anew, if it lacks a receipt, has one too many, or is damaged; before that, bring receipts that earlier
    versions wrote into the table's folder to where they belong. For the process that holds the run alone."""
    for each in (Beside.receipts(storage), Beside.given_up(storage)):
        each.move()
    found, known = _listed(storage), _index(storage, _SCHEMA.names)
    if {unit: entry.stamp for unit, entry in found.items()} == _stamps(known):
        return
    rows, _ = _swept(storage, found, known)
    written = pa.BufferOutputStream()
    pq.write_table(rows.sort_by("unit"), written, compression="ZSTD", write_page_checksum=True)
    Beside.receipts(storage).place.replace(INDEX, written.getvalue().to_pybytes())


def _listed(storage: Storage) -> dict[str, Entry]:
    """Unit -> the entry of its receipt."""
    found = Beside.receipts(storage).entries()
    return {name.removesuffix(SUFFIX): entry for name, entry in found.items() if name.endswith(SUFFIX)}


def _swept(storage: Storage, found: dict[str, Entry], known: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """The rows of the index that are true, with those of the receipts that it lacks."""
    stamps = _stamps(known)
    true = [unit in found and found[unit].stamp == stamp for unit, stamp in stamps.items()]
    if not all(true):
        known = known.filter(pa.array(true, pa.bool_()))
    names, rows, unreadable = known.column_names, list[list[object]](), dict[str, str]()
    indexed = set(known["unit"].to_pylist())
    for unit, receipt in _loose(storage, [unit for unit in found if unit not in indexed]):
        if isinstance(receipt, Receipt):
            rows.append([_value(name, receipt, found[unit].stamp) for name in names])
        else:
            unreadable[unit] = receipt
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    loose = pa.table([pa.array(column, field.type) for column, field in zip(columns, known.schema, strict=True)], names)
    return pa.concat_tables([known, loose.cast(known.schema)]), unreadable


def _value(name: str, receipt: Receipt, stamp: str) -> object:
    """What a row has in a column."""
    if name == "stamp":
        return stamp
    return to_json(receipt.made).decode() if name == "made" else getattr(receipt, name)


def _stamps(index: pa.Table) -> dict[str, str]:
    return dict(zip(*(index[name].to_pylist() for name in _STAMPED), strict=True))


def _loose(storage: Storage, units: Iterable[str]) -> Iterator[tuple[str, Receipt | str]]:
    """Single receipts by unit, or what is wrong with them."""

    def found(unit: str) -> tuple[str, Receipt | str] | None:
        try:
            return unit, read(storage, unit)
        except FileNotFoundError:  # taken back since it was listed
            return None
        except (OSError, ValueError) as error:
            return unit, str(error)

    if storage.local is not None:  # where threads would only wait for each other
        yield from filter(None, map(found, units))
        return
    with ThreadPoolExecutor(LOOSE) as readers:
        yield from filter(None, readers.map(found, units))


def _index(storage: Storage, columns: Iterable[str]) -> pa.Table:
    """Columns of the index; no rows where it is missing, damaged, or of another version."""
    names = list(dict.fromkeys(columns))
    try:
        content = Beside.receipts(storage).read(INDEX)
        file = pq.ParquetFile(in_memory(content), page_checksum_verification=True)
        return validated(file.read(names)).select(names) if file.schema_arrow.equals(_SCHEMA) else _none(names)
    except UNREADABLE:
        return _none(names)


def _none(columns: Sequence[str] = tuple(_SCHEMA.names)) -> pa.Table:
    return _SCHEMA.empty_table().select(list(columns))
