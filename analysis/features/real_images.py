"""The reference pictures that generated ones are compared with: a folder of pictures, or a Parquet file."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.images import endings
from seedscope.pipeline.models.locate import BUNDLED
from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.study.given import regular
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.records import MOST_ROWS
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, counts, reason, validated
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

BLOCK = 256
BUNDLED_REFERENCES = {"sprout": BUNDLED / "reference" / "reference.parquet"}


@dataclass(frozen=True)
class RealImages:
    """A set of reference pictures, cut into units of 256. A picture's prompt id is its place in the set; its seed is 0."""

    path: Path

    @classmethod
    def named(cls, reference: str) -> "RealImages":
        """The set that a study names.

        Raises:
            StudyError: there is no such set, or it has fewer than two pictures.
        """
        path = BUNDLED_REFERENCES.get(reference, Path(reference))
        if not path.exists():
            raise StudyError(
                f"reference: there is no {reference!r}. Give a folder of pictures, a Parquet file with a column `image`, or "
                f"the bundled {', '.join(BUNDLED_REFERENCES)}."
            )
        found = cls(path)
        if (count := found.count()) < 2:
            raise StudyError(
                f"reference: {path} has {count} pictures; a distance to reference pictures needs at least two."
            )
        return found

    def fingerprint(self) -> str:
        """sha256 (hex) over the names and the bytes of all pictures."""
        if self.path.is_file():
            return _sha256(self.path)
        return fingerprint({str(file.relative_to(self.path)): _sha256(file) for file in _pictures(self.path)})

    def count(self) -> int:
        """Number of pictures."""
        if self.path.is_dir():
            return len(_pictures(self.path))
        return int(self._parquet().metadata.num_rows)

    def units(self) -> list[Unit]:
        """The set as units, in order."""
        prompts = tuple(Prompt(f"{i:08d}", "", "") for i in range(self.count()))
        blocks = [prompts[i : i + BLOCK] for i in range(0, len(prompts), BLOCK)]
        return [Unit.crossed(f"{number:06d}", block, (0,)) for number, block in enumerate(blocks)]

    def read(self, unit: Unit) -> pa.Table:
        """The pictures of a unit, in the schema of generated ones. Where a Parquet file has none, a row is failed."""
        first = int(unit.prompts[0].id)
        if self.path.is_dir():
            files = _pictures(self.path)[first : first + len(unit.prompts)]
            pictures = [{"bytes": _contents(file), "path": _name(file.relative_to(self.path))} for file in files]
        else:
            pictures = self._rows(first, len(unit.prompts))
        rows = [_row(prompt.id, picture) for prompt, picture in zip(unit.prompts, pictures, strict=True)]
        return pa.Table.from_pylist(rows, schema=IMAGE_SCHEMA)

    def mark(self, unit: Unit) -> str:  # noqa: ARG002  (a Source)
        """Empty: other pictures are another table."""
        return ""

    def _parquet(self) -> pq.ParquetFile:
        try:
            file = pq.ParquetFile(regular(self.path, most=sys.maxsize))
            columns, rows = file.schema_arrow, sum(counts(file))
        except UNREADABLE as error:
            raise StudyError(f"reference: {self.path} cannot be read as Parquet: {reason(error)}.") from None
        if "image" not in columns.names:
            raise StudyError(f"reference: {self.path} has no column `image`; it has {', '.join(columns.names)}.")
        kind = columns.field("image").type
        held = kind.field("bytes").type if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
        if not (pa.types.is_binary(held) or pa.types.is_large_binary(held)):
            raise StudyError(f"reference: {self.path}: the column `image` is {kind}; bytes, or a struct with `bytes`.")
        if rows > max(MOST_ROWS, self.path.stat().st_size):
            raise StudyError(f"reference: {self.path} is damaged: it says that it has {rows:,} rows.")
        return file

    def _rows(self, first: int, count: int) -> list[dict[str, Any]]:
        """Some rows of a Parquet file, of which only the row groups that hold them are read."""
        file, at, found = self._parquet(), 0, list[Any]()
        for group, rows in enumerate(counts(file)):
            if at < first + count and at + rows > first:
                try:
                    values = validated(file.read_row_group(group, columns=["image"]))["image"].to_pylist()
                except UNREADABLE as error:
                    raise StudyError(f"reference: {self.path} is damaged: {reason(error)}.") from None
                found += values[max(0, first - at) : first + count - at]
            at += rows
        if len(found) != count:
            raise StudyError(f"reference: {self.path} is damaged: a row group has fewer rows than it says.")
        return [value if isinstance(value, dict) else {"bytes": value} for value in found]


def _row(prompt_id: str, picture: dict[str, Any]) -> dict[str, Any]:
    row = {"prompt_id": prompt_id, "prompt": "", "seed": 0}
    if picture["bytes"] is None:
        return row | {"image": None, "status": "failed", "error": "there is no picture"}
    image = {"bytes": picture["bytes"], "path": picture.get("path")}
    return row | {"image": image, "status": "ok", "error": None}


@cache
def _pictures(folder: Path) -> list[Path]:
    """Every file below a folder whose ending Pillow reads as a picture, in order of name."""
    readable = endings()
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in readable and file.is_file())


def _name(file: Path) -> str:
    return str(file).encode(errors="replace").decode()  # a file's name need not be text


def _contents(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from None


@cache
def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(file: Path, error: OSError) -> StudyError:
    return StudyError(f"reference: {file} cannot be read ({error.strerror}); repair it or take it away.")
