"""All receipts of a table in one sweep: from an index where it is true, and one by one where it is not."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.pipeline.storage.base import Entry, Storage

FOLDER = "receipts"
SUFFIX = ".json"
INDEX = f"{FOLDER}/.index.parquet"
LOOSE = 32
"""Requests at a time for receipts that are not in the index."""
_SCHEMA = pa.schema([("unit", pa.string()), ("stamp", pa.string()), ("receipt", pa.string())])

Texts = dict[str, str]


def listed(storage: Storage) -> dict[str, Entry]:
    """Unit -> the entry of its receipt."""
    found = storage.entries(FOLDER)
    return {name.removesuffix(SUFFIX): entry for name, entry in found.items() if name.endswith(SUFFIX)}


def units(storage: Storage) -> set[str]:
    """The units that have a receipt."""
    return {name.removesuffix(SUFFIX) for name in storage.names(FOLDER) if name.endswith(SUFFIX)}


def read_receipts(storage: Storage) -> Texts:
    """Unit -> the text of its receipt, for all that there are.

    A row of the index counts only if the listing has the same receipt with the same stamp: with the index gone, outdated or
    damaged, the answer is the same, and takes longer.
    """
    return _read(storage, listed(storage))


def compact(storage: Storage) -> None:
    """Write the index anew, if it lacks a receipt or has one too many. For the process that holds the run."""
    found, known = listed(storage), _index(storage)
    stamps = {unit: entry.stamp for unit, entry in found.items()}
    if stamps == {unit: stamp for unit, (stamp, _) in known.items()}:
        return
    texts = _read(storage, found, known)
    rows = [{"unit": unit, "stamp": stamps[unit], "receipt": texts[unit]} for unit in sorted(texts)]
    written = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), written, compression="ZSTD", write_page_checksum=True)
    storage.replace(INDEX, written.getvalue())


def _read(storage: Storage, found: Mapping[str, Entry], known: Mapping[str, tuple[str, str]] | None = None) -> Texts:
    known = _index(storage) if known is None and found else known or {}
    texts = {unit: known[unit][1] for unit, entry in found.items() if unit in known and known[unit][0] == entry.stamp}
    texts |= _loose(storage, [unit for unit in found if unit not in texts])
    return texts


def _loose(storage: Storage, units: Iterable[str]) -> Texts:
    def text(unit: str) -> tuple[str, str] | None:
        try:
            return unit, storage.read(f"{FOLDER}/{unit}{SUFFIX}").decode(errors="replace")
        except FileNotFoundError:  # taken back since it was listed
            return None

    if storage.local is not None:  # where threads would only wait for each other
        return dict(filter(None, map(text, units)))
    with ThreadPoolExecutor(LOOSE) as readers:
        return dict(filter(None, readers.map(text, units)))


def _index(storage: Storage) -> dict[str, tuple[str, str]]:
    """Unit -> (stamp, text) as the index has it; nothing where it is missing or damaged."""
    try:
        content = storage.read(INDEX)
        rows = pq.read_table(BytesIO(content), schema=_SCHEMA, page_checksum_verification=True)
    except (FileNotFoundError, pa.ArrowException, OSError):
        return {}
    units, stamps, texts = (rows[name].to_pylist() for name in _SCHEMA.names)
    return dict(zip(units, zip(stamps, texts, strict=True), strict=True))
