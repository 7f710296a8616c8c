"""The pictures of a run as one array, prompts x seeds, in a file that is read as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.images import ImageError, decode
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.tables.parquet import tuples

SMALL = 96
"""Pixels: pictures whose sides are no longer are taken as they are, others are scaled."""
LARGE = (224, 224)
_DECODERS = 4


@dataclass(frozen=True, eq=False)
class CrossedPictures:
    """pixels: (P, S, H, W, 3) uint8, which may be a file; prompts: P; seeds: S; mark: sha256 (hex) of all of it; missing:
    prompts that are left out because a picture of theirs failed."""

    pixels: npt.NDArray[np.uint8]
    prompts: Sequence[Prompt]
    seeds: Sequence[int]
    mark: str
    missing: int = 0

    @property
    def groups(self) -> list[str]:
        """Of each prompt."""
        return [prompt.group for prompt in self.prompts]


def crossed_pictures(run: Run, file: Path, told: Callable[[int, int], object] = lambda *_: None) -> CrossedPictures:
    """All pictures of the prompts of which every seed has one; the array is kept in `file` and used again.

    Pictures of more than 96 pixels a side are scaled to 224 x 224 (bicubic, widened when it shrinks).

    Args:
        told: is called with (units read, of how many).

    Raises:
        UserError: pictures are missing, or of different sizes.
        CorruptShard: a shard is damaged.
    """
    committed = run.images.committed()
    if missing := sum(unit.name not in committed for unit in run.units):
        raise UserError(
            f"{run.folder.storage.url}: {missing} of {len(run.units)} units have no pictures yet. `seedscope run` makes them."
        )
    prompts, seeds = run.wanted.prompts, list(run.wanted.seeds)
    read = _Reader(run, {prompt.id: place for place, prompt in enumerate(prompts)}, {s: i for i, s in enumerate(seeds)})
    size = read.size()
    there = np.zeros((len(prompts), len(seeds)), np.bool_)
    mark = fingerprint(
        {
            "pictures": [f"{unit} {sha}" for unit, sha in sorted(tuples(run.images.ledger("unit", "sha256")))],
            "size": list(size),
            "prompts": [prompt.id for prompt in prompts],
            "seeds": list(seeds),
        }
    )
    shape = (len(prompts), len(seeds), *size, 3)
    known = file.with_suffix(f".{mark[:8]}.u8")
    told_there = known.with_suffix(".npy")
    if not (known.exists() and told_there.exists()):
        for old in file.parent.glob(f"{file.stem}.*"):
            old.unlink()
        with replacing(known) as scratch:
            array = np.memmap(scratch, np.uint8, "w+", shape=shape)
            for done, unit in enumerate(run.units, 1):
                read.into(array, there, unit)
                told(done, len(run.units))
            for row, place in enumerate(np.flatnonzero(there.all(axis=1))):
                if row != place:
                    array[row] = array[place]  # in the file: whole prompts first
            array.flush()
            del array
        with replacing(told_there) as scratch, scratch.open("wb") as stream:
            np.save(stream, there)
    there = np.load(told_there)
    whole = np.flatnonzero(there.all(axis=1))
    if not len(whole):
        raise UserError(f"{run.folder.storage.url}: of no prompt has every seed a picture.")
    pixels: npt.NDArray[np.uint8] = np.memmap(known, np.uint8, "r", shape=(len(whole), *shape[1:]))
    return CrossedPictures(pixels, [prompts[place] for place in whole], seeds, mark, len(prompts) - len(whole))


@dataclass(frozen=True)
class _Reader:
    """Reads units of a run: prompt id -> row, seed -> column."""

    run: Run
    rows: dict[str, int]
    columns: dict[int, int]

    def size(self) -> tuple[int, int]:
        """(height, width) in which pictures are kept."""
        for unit in self.run.units:
            for cell in self.run.images.read(unit.name, ["image"]).to_pylist():
                if cell["image"] is not None:
                    height, width, _ = decode(cell["image"]["bytes"]).shape
                    return (height, width) if max(height, width) <= SMALL else LARGE
        raise UserError(f"{self.run.folder.storage.url}: every picture failed.")

    def into(self, array: npt.NDArray[np.uint8], there: npt.NDArray[np.bool_], unit: Unit) -> None:
        """Put the pictures of a unit where they belong, and say that they are there."""
        table = self.run.images.read(unit.name, ["prompt_id", "seed", "image"])
        cells = [
            row
            for row in table.to_pylist()
            if row["image"] is not None and row["prompt_id"] in self.rows and row["seed"] in self.columns
        ]
        size = (array.shape[2], array.shape[3])
        with ThreadPoolExecutor(_DECODERS) as threads:
            pictures = threads.map(lambda row: self._decoded(row["image"]["bytes"], unit, size), cells)
            for row, picture in zip(cells, pictures, strict=True):
                place = self.rows[row["prompt_id"]], self.columns[row["seed"]]
                array[place], there[place] = picture, True

    def _decoded(self, data: bytes, unit: Unit, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        try:
            pixels = decode(data)
        except ImageError as error:
            raise CorruptShard(f"{self.run.images.shard(unit.name)}: a picture cannot be read: {error}") from error
        if size == LARGE:
            return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC))
        if pixels.shape[:2] != size:
            raise UserError(
                f"{self.run.folder.storage.url}: has pictures of {size[1]} x {size[0]} and of {pixels.shape[1]} x "
                f"{pixels.shape[0]} pixels; small pictures have to be of one size to be told apart."
            )
        return pixels
