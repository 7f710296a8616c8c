"""The pictures of a run, one at a time, for several threads: row groups of shards are read when needed, and kept a while."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import accumulate, pairwise
from threading import Lock

import pyarrow as pa

from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.images import ImageError, Pixels, decode
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.untrusted_parquet import counts, validated
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

KEPT_BYTES = 256 * 2**20
"""Of encoded pictures, beside the row groups that are being read."""
SEEDS_KNOWN = 64
_COLUMNS = pa.schema([IMAGE_SCHEMA.field(name) for name in ("prompt_id", "seed", "image")])

Pictures = Mapping[tuple[int, str], bytes]


class RunPictures:
    """(seed, prompt id) -> pixels (H, W, 3) uint8; None for a cell that failed, or that the run does not have.

    For callers that ask for all prompts of a seed before the next one, as a report does: rows of a shard are ordered by seed,
    so that few row groups hold a seed, and each is read about once.

    Raises:
        CorruptShard: a shard is damaged, or holds a picture that cannot be read.
    """

    def __init__(self, images: Table, units: Iterable[Unit], kept_bytes: int = KEPT_BYTES) -> None:
        self._table = images
        self._recent = _Recent(kept_bytes)
        self._of_name = {unit.name: unit for unit in units}
        self._of_seed: dict[int, list[Unit]] = defaultdict(list)
        for unit in self._of_name.values():
            for seed in unit.seeds:
                self._of_seed[seed].append(unit)
        self._units = lru_cache(SEEDS_KNOWN)(self._units_of)
        self._groups = lru_cache(None)(self._groups_of)

    def __call__(self, seed: int, prompt_id: str) -> Pixels | None:
        data = self.encoded(seed, prompt_id)
        return None if data is None else self._decoded(data, self._units(seed)[prompt_id], seed, prompt_id)

    def encoded(self, seed: int, prompt_id: str) -> bytes | None:
        """The picture as it is in its shard, mostly lossless WebP; None as above."""
        unit = self._units(seed).get(prompt_id)
        if unit is None:
            return None
        for group, (first, last) in enumerate(self._groups(unit)):
            if first <= seed <= last:
                data = self._recent.get((unit, group), self._read).get((seed, prompt_id))
                if data is not None:
                    return data
        return None

    def _units_of(self, seed: int) -> dict[str, str]:
        """Prompt id -> unit that has its cell with this seed."""
        return {prompt.id: unit.name for unit in self._of_seed[seed] for prompt, other in unit.cells if other == seed}

    def _groups_of(self, unit: str) -> list[tuple[int, int]]:
        """The least and the largest seed of each row group of a shard, whose rows are the unit's cells, in order."""
        with self._table.opened(unit) as file:
            rows = counts(file)
        seeds = [seed for _, seed in self._of_name[unit].cells]
        if sum(rows) != len(seeds) or min(rows) < 1:
            raise CorruptShard(f"{self._table.shard(unit)}: its row groups have {sum(rows)} rows, and not {len(seeds)}")
        groups = [seeds[start:end] for start, end in pairwise(accumulate(rows, initial=0))]
        return [(min(group), max(group)) for group in groups]

    def _read(self, key: tuple[str, int]) -> Pictures:
        unit, group = key
        with self._table.opened(unit) as file:
            rows = validated(file.read_row_group(group, _COLUMNS.names))
            if rows.schema != _COLUMNS or len(rows) != counts(file)[group]:
                raise CorruptShard(f"{self._table.shard(unit)}: has other columns or rows than its table")
        return {
            (row["seed"], row["prompt_id"]): row["image"]["bytes"]
            for row in rows.to_pylist()
            if row["image"] is not None
        }

    def _decoded(self, data: bytes, unit: str, seed: int, prompt_id: str) -> Pixels:
        try:
            return decode(data)
        except ImageError as error:
            raise CorruptShard(
                f"{self._table.shard(unit)}: the picture of seed {seed}, prompt {prompt_id}: {error}"
            ) from error


class _Recent:
    """What was read last, up to so many bytes. Two threads may read the same thing at once: that costs time, nothing else."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._kept: OrderedDict[tuple[str, int], Pictures] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, int], read: Callable[[tuple[str, int]], Pictures]) -> Pictures:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = read(key)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._bytes += _size(found)
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= _size(self._kept.popitem(last=False)[1])
        return found


def _size(pictures: Pictures) -> int:
    return sum(map(len, pictures.values()))
