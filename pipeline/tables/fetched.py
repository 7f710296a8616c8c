"""A Parquet file elsewhere, of which only those parts are fetched that are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FOOTER = 64 * 2**10
"""Bytes of a file's end that are fetched first. Source: Arrow, `kDefaultFooterReadSize`."""
HOLE, LONGEST = 8 * 2**10, 32 * 2**20
"""Bytes between two parts that are fetched as one, and of such a part at most. Source: Arrow, `CacheOptions::Defaults`."""
_END = 8
"""Bytes of the length of the footer, and of the mark behind it."""
CHECKED: dict[str, Any] = {"page_checksum_verification": True, "pre_buffer": False}
"""How files are read: with the checksums of their pages, and without threads that read ahead."""


class Fetched(pq.ParquetFile):  # type: ignore[misc]  # pyarrow has no types
    """A Parquet file whose parts this thread fetches, into memory of Arrow's own, before Arrow reads them there.

    Where Arrow itself fetches, its threads let go of what Python gave them a moment after a read has returned, and where Python
    is just ending, as at the end of somebody's script, its process aborts.

    Args:
        source: a file each read of which is a request; closed by who opened it.

    Raises:
        OSError, ValueError, pa.ArrowException: it cannot be read, or is none.
    """

    def __init__(self, source: pa.NativeFile) -> None:
        self._source, self._size = source, int(source.size())
        begin = max(0, self._size - FOOTER)
        end = self._memory([(begin, self._size)])
        length = int.from_bytes(end[max(begin, self._size - _END) : max(begin, self._size - _END // 2)], "little")
        if 0 <= (start := self._size - _END - length) < begin:
            end = self._memory([(start, self._size)])
        super().__init__(pa.BufferReader(end), **CHECKED)

    def read(self, columns: Sequence[str] | None = None, **options: Any) -> pa.Table:
        return self._with(range(self.num_row_groups), columns).read(columns, **options)

    def read_row_group(self, i: int, columns: Sequence[str] | None = None, **options: Any) -> pa.Table:
        return self._with([i], columns).read_row_group(i, columns, **options)

    def _with(self, groups: Iterable[int], columns: Sequence[str] | None) -> pq.ParquetFile:
        """The file as far as some columns of some row groups go."""
        memory = self._memory(self._parts(groups, columns))
        return pq.ParquetFile(pa.BufferReader(memory), metadata=self.metadata, **CHECKED)

    def _parts(self, groups: Iterable[int], columns: Sequence[str] | None) -> Iterator[tuple[int, int]]:
        """(first, last + 1) bytes of the columns of row groups."""
        wanted = None if columns is None else {*columns}
        for group in groups:
            of_group = self.metadata.row_group(group)
            for number in range(of_group.num_columns):
                chunk = of_group.column(number)
                if wanted is None or wanted & {chunk.path_in_schema, chunk.path_in_schema.split(".")[0]}:
                    start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)), default=0)
                    yield start, start + chunk.total_compressed_size

    def _memory(self, parts: Iterable[tuple[int, int]]) -> pa.Buffer:
        """As much memory as the file has bytes, with the parts in their places, neighbours fetched together.

        Of pages in which nothing is written the system has no memory.

        Raises:
            ValueError: a part lies outside of the file, or the file ends before it.
        """
        memory = pa.allocate_buffer(self._size)
        for start, end in _together(sorted(parts)):
            if not 0 <= start <= end <= self._size:
                raise ValueError("its footer names bytes that it does not have")
            found = self._source.read_at(end - start, start)
            if len(found) < end - start:
                raise ValueError("it is cut off")
            memoryview(memory).cast("B")[start:end] = found
        return memory


def _together(parts: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Parts in order, those beside each other as one."""
    begun: tuple[int, int] | None = None
    for start, end in parts:
        if begun is not None and start - begun[1] <= HOLE and end - begun[0] <= LONGEST:
            begun = (begun[0], max(begun[1], end))
            continue
        if begun is not None:
            yield begun
        begun = (start, end)
    if begun is not None:
        yield begun
