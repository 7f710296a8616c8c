"""Pictures with masks, from a folder or a Parquet file, and what can be wrong with them."""

import posixpath
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.images import ImageError, Mask, Pixels, decode, endings, opened
from seedscope.pipeline.study.given import BadRow, regular, trimmed
from seedscope.pipeline.study.records import MOST_ROWS, columns, records
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, counts, reason, validated

OBJECTS_FILE = "objects.csv"
MASK_ENDING = ".mask"
MASK_MODES = ("1", "L", "P", "RGB")
Size = tuple[int, int]
Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an encoded picture lies: a file, or a row (0-based) and a column of a Parquet file."""

    file: Path
    row: int = 0
    column: str | None = None

    def __str__(self) -> str:
        return str(self.file) if self.column is None else f"{self.file}, row {self.row + 1}, column {self.column!r}"

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            StudyError: the file cannot be read, or the cell is empty.
        """
        try:
            if self.column is None:
                return self.file.read_bytes()
            value = _cell(self.file, self.file.stat().st_mtime_ns, self.row, self.column)
        except (*UNREADABLE, IndexError) as error:
            raise StudyError(f"{self}: cannot be read: {reason(error)}.") from None
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise StudyError(f"{self}: holds no bytes of a picture.")
        return data


@dataclass(frozen=True, slots=True)
class MaskedPicture:
    """A picture whose masked part is to be drawn anew; `object` is the word for what the mask hides."""

    name: str | None
    object: str | None
    picture: Stored
    mask: Stored

    def read(self, size: Size) -> tuple[Pixels, Mask]:
        """The picture (H, W, 3) uint8 RGB and the mask (H, W) bool, True where it is drawn anew, at (height, width) pixels.

        Raises:
            StudyError: one of them is not readable, their sizes differ, or nothing is masked.

        Source: diffusers, `image_processor.py::VaeImageProcessor.preprocess` as `StableDiffusionInpaintPipeline` calls it:
        picture and mask are stretched to the size by Lanczos, then the mask is cut at half.
        """
        picture = Image.fromarray(_decoded(self.picture, decode))
        mask = _decoded(self.mask, _mask)
        if mask.size != picture.size:
            raise StudyError(
                f"{self.mask}: the mask is {mask.width} x {mask.height}, but its picture {self.picture} is "
                f"{picture.width} x {picture.height}. Bring both to one size."
            )
        height, width = size
        picture, mask = (each.resize((width, height), Image.Resampling.LANCZOS) for each in (picture, mask))
        hole = np.asarray(mask.convert("L")) >= 128
        if not hole.any():
            raise StudyError(
                f"{self.mask}: the mask is empty at {width} x {height} pixels, so there is nothing to draw anew. White marks "
                "what is drawn anew, black what stays."
            )
        return np.array(picture), hole


def masked_pictures(path: Path, limit: int | None) -> list[MaskedPicture]:
    """All pictures of a folder, in order of name, or of a Parquet file, in order of row; at most `limit`.

    A folder holds `NAME.jpg` beside `NAME.mask.png`, or folders `images` and `masks` with equal names; any ending of a
    picture will do. `objects.csv` (columns file, object) in it says what the masks hide. A Parquet file has the columns
    `image` and `mask` (bytes, or a struct with `bytes`) and may have `object` and `name`.

    Raises:
        StudyError: no pictures, one without a mask, two of one name, or a file that is not as said here.
    """
    found = list(islice(_folder(path) if path.is_dir() else _parquet(path), limit))
    if not found:
        raise StudyError(f"{path}: has no pictures.")
    return found


def _folder(folder: Path) -> Iterator[MaskedPicture]:
    apart = (folder / "images").is_dir() and (folder / "masks").is_dir()
    root, mask_root = (folder / "images", folder / "masks") if apart else (folder, folder)
    ending = "" if apart else MASK_ENDING
    files = _picture_files(root)
    objects = _spelt_as(_objects(folder / OBJECTS_FILE), [file.relative_to(root).as_posix() for file in files])
    masks: dict[str, Path] = {}
    for file in _picture_files(mask_root):
        name = file.relative_to(mask_root).with_suffix("").as_posix()
        if name in masks and name.endswith(ending):
            raise StudyError(f"{file}: {masks[name].name} is a mask of the same picture. Remove one of them.")
        masks[name] = file
    seen: dict[str, Path] = {}
    for file in files:
        inside = file.relative_to(root)
        name = inside.with_suffix("").as_posix()
        if not apart and name.endswith(ending):
            continue
        if name in seen:
            raise StudyError(f"{file}: {seen[name].name} has the same name, and so the same mask. Rename one of them.")
        if name + ending not in masks:
            raise StudyError(
                f"{file}: has no mask. Put it into {mask_root / f'{name}{ending}.png'}, white where the picture is drawn anew."
            )
        seen[name] = file
        yield MaskedPicture(name, objects.get(inside.as_posix()), Stored(file), Stored(masks[name + ending]))


def _picture_files(folder: Path) -> list[Path]:
    """Every file below a folder whose ending Pillow reads as a picture, in order of name."""
    readable = endings()
    return sorted(
        file
        for file in folder.rglob("*")
        # What begins with ._ is macOS's note on a file of another file system, not a picture.
        if file.suffix.lower() in readable and not file.name.startswith("._") and file.is_file()
    )


def _objects(file: Path) -> dict[str, str]:
    """File of a picture -> what its mask hides."""
    if not file.exists():
        return {}
    try:
        named = {name.casefold(): name for name in columns(file)}
        if missing := {"file", "object"} - named.keys():
            raise StudyError(f"{file}: has no column {min(missing)!r}; it needs the columns file and object.")
        found: dict[str, str] = {}
        for line, record in records(file, ragged=True, needed=lambda name: name.casefold() in ("file", "object")):
            word = record[named["object"]]
            name = posixpath.normpath(trimmed(str(record[named["file"]] or "")).replace("\\", "/"))
            if name in found:
                raise BadRow(line, f"names the file {name!r} twice. Remove one of the rows.")
            if isinstance(word, str) and trimmed(word):
                found[name] = trimmed(word)
        return found
    except BadRow as row:
        raise StudyError(f"{file}:{row.number}: {row}") from None
    except UNREADABLE as error:
        raise StudyError(f"{file}: cannot be read: {reason(error)}.") from None


def _spelt_as(objects: Mapping[str, str], files: Sequence[str]) -> dict[str, str]:
    """File -> what its mask hides, also where it is named in other capitals, or letters put together in another way."""
    lacking: dict[str, list[str]] = {}
    for file in files:
        if file not in objects:
            lacking.setdefault(_folded(file), []).append(file)
    there = set(files)
    named = {name: word for name, word in objects.items() if name not in there}
    times = Counter(map(_folded, named))
    found = {**objects}
    for name, word in named.items():
        pictures = lacking.get(_folded(name), [])
        if len(pictures) == times[_folded(name)] == 1:
            found[pictures[0]] = word
    return found


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _parquet(path: Path) -> Iterator[MaskedPicture]:
    try:
        file = pq.ParquetFile(regular(path))
        counts(file)
        if file.metadata.num_rows > MOST_ROWS:
            raise StudyError(f"{path}: has {file.metadata.num_rows:,} rows, and at most {MOST_ROWS:,} are read.")
        columns = file.schema_arrow.names
        if missing := [column for column in ("image", "mask") if column not in columns]:
            raise StudyError(f"{path}: has no column {missing[0]!r}; it has {', '.join(columns)}.")
        rows = validated(file.read(columns=[name for name in ("object", "name") if name in columns])).to_pylist()
        rows = rows or [{}] * file.metadata.num_rows
    except UNREADABLE as error:
        raise StudyError(f"{path}: cannot be read as Parquet: {reason(error)}.") from None
    for number, row in enumerate(rows):
        name, word = (_word(row.get(column), column, f"{path}, row {number + 1}") for column in ("name", "object"))
        yield MaskedPicture(name, word, Stored(path, number, "image"), Stored(path, number, "mask"))


def _word(value: object, column: str, place: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise StudyError(f"{place}: column {column!r} holds {value!r}, which is not text.")
    return value.strip() or None if value else None


def _cell(path: Path, modified: int, row: int, column: str) -> object:
    """A cell of a Parquet file, of which only the row group that holds it is read."""
    with pq.ParquetFile(path) as file:
        found = counts(file)
    for group, count in enumerate(found):
        if row < count:
            return _row_group(path, modified, group)[column][row].as_py()
        row -= count
    raise ValueError(f"the file has {sum(found):,} rows")


@lru_cache(maxsize=1)  # rows are asked for one after another
def _row_group(path: Path, _modified: int, group: int) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return validated(file.read_row_group(group, columns=["image", "mask"]))


def _decoded(stored: Stored, decoder: Callable[[bytes], Kind]) -> Kind:
    try:
        return decoder(stored.read())
    except ImageError as error:
        raise StudyError(f"{stored}: {error}.") from None


def _mask(data: bytes) -> Image.Image:
    with opened(data) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise ImageError("it is animated, and a mask is one picture")
        mask = ImageOps.exif_transpose(picture)
        if mask.mode.startswith("I;16"):
            return Image.fromarray((np.asarray(mask) >> 8).astype(np.uint8))
        if mask.mode in ("I", "F"):
            raise ImageError("it holds floating-point or 32-bit values, whose range is not known")
        if mask.has_transparency_data:
            return _painted(mask.convert("RGBA"))
        # These modes stay, for each is resized in its own way.
        return mask if mask.mode in MASK_MODES else mask.convert("L")


def _painted(mask: Image.Image) -> Image.Image:
    """A mask with transparency, without it.

    What is painted white on a transparent ground is drawn anew, as the stock pipeline has it too. A picture with holes is
    refused: some programs redraw what is transparent, and others what is not.
    """
    painted, alpha = mask.convert("L"), mask.getchannel("A")
    least, most = alpha.getextrema()
    if least == most and most:  # such a channel says nothing
        return mask.convert("RGB")
    shown = np.asarray(painted)[np.asarray(alpha) >= 128]
    if not shown.size or shown.min() < 128:
        raise ImageError(
            "it is partly transparent, and what it shows is not all white, so that it does not say what is drawn anew. Save it "
            "without transparency, white where the picture is drawn anew and black where it stays"
        )
    return Image.composite(painted, Image.new("L", mask.size), alpha)
