"""The pictures of a unit in batches of one size, decoded by other threads shortly before they are measured."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.pipeline.images import ImageError, Mask, Pixels, decode, decode_mask
from seedscope.pipeline.study.prompts import Prompt

BATCH = 16
AHEAD = 2 * BATCH
"""Pictures that are decoded, or waiting for it, while others are measured."""
WAITING = 2 * BATCH
"""Pictures that wait for others of their size, at most: a folder of photographs has two or three sizes by turns."""
THREADS = 4

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Decoded = TypeVar("Decoded", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class Batch:
    """N cells with pictures of one size: their places in the unit, pixels (N, H, W, 3), N prompts, masks (N, H, W) or None."""

    places: list[int]
    pixels: Pixels
    prompts: list[Prompt]
    masks: Mask | None

    def part(self, start: int, stop: int) -> "Batch":
        """Some of its cells, in order."""
        masks = None if self.masks is None else self.masks[start:stop]
        return Batch(self.places[start:stop], self.pixels[start:stop], self.prompts[start:stop], masks)


@dataclass(frozen=True)
class _Cell:
    place: int
    prompt: Prompt
    pixels: Pixels
    mask: Mask | None


class Cells:
    """The cells of a unit, from rows in the schema of image shards. `keys` are their columns `prompt_id` and `seed`."""

    def __init__(self, rows: pa.Table, prompts: Iterable[Prompt]) -> None:
        self._prompts = {prompt.id: prompt for prompt in prompts}
        self.keys: pa.Table = rows.select(["prompt_id", "seed"])
        self.failures: list[str | None] = [None] * len(rows)
        """Why a cell has nothing to measure; complete when `batches` is through."""
        self._rows = rows

    def batches(self) -> Iterator[Batch]:
        """All pictures that can be read, at most `BATCH` at once, those of a batch in order."""
        with ThreadPoolExecutor(THREADS) as decoders:  # Pillow lets go of the interpreter while it decodes
            found = _ahead(decoders, self._cell, range(len(self.failures)))
            for some in _of_one_size(cell for cell in found if cell is not None):
                masks = [cell.mask for cell in some if cell.mask is not None]
                yield Batch(
                    [cell.place for cell in some],
                    np.stack([cell.pixels for cell in some]),
                    [cell.prompt for cell in some],
                    np.stack(masks) if masks else None,
                )

    def _cell(self, place: int) -> _Cell | None:
        """A cell with its picture, or None and the reason in `failures`."""
        (row,) = self._rows.slice(place, 1).to_pylist()
        try:
            if row["image"] is None:
                raise ImageError(row["error"] or "there is no picture")
            pixels = _read(row["image"], decode)
            mask = _mask(row["mask"], pixels) if "mask" in row else None
        except ImageError as error:
            self.failures[place] = str(error)
            return None
        return _Cell(place, self._prompts[row["prompt_id"]], pixels, mask)


def _mask(image: dict[str, Any] | None, pixels: Pixels) -> Mask:
    if image is None:
        raise ImageError("there is no mask")
    mask = _read(image, decode_mask)
    if mask.shape != pixels.shape[:2]:
        (height, width), (wanted_height, wanted_width) = mask.shape, pixels.shape[:2]
        raise ImageError(f"its mask is {width} x {height}, the picture {wanted_width} x {wanted_height}")
    return mask


def _read(image: dict[str, Any], decoded: Callable[[bytes], Decoded]) -> Decoded:
    """What an image of a shard holds; a reason why it cannot be read begins with its name."""
    try:
        return decoded(image["bytes"])
    except ImageError as error:
        raise ImageError(f"{image['path']}: {error}" if image["path"] else str(error)) from error


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[Argument], Result], arguments: Iterable[Argument]
) -> Iterator[Result]:
    """As `pool.map`, but at most `AHEAD` calls are under way or done and not yet asked for."""
    begun: deque[Future[Result]] = deque()
    for argument in arguments:
        begun.append(pool.submit(work, argument))
        if len(begun) > AHEAD:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def _of_one_size(cells: Iterable[_Cell]) -> Iterator[list[_Cell]]:
    """Cells with pictures of one size, `BATCH` of them where that many are met before `WAITING` others wait."""
    waiting: dict[tuple[int, ...], list[_Cell]] = {}
    for cell in cells:
        same = waiting.setdefault(cell.pixels.shape, [])
        same.append(cell)
        if len(same) == BATCH:
            yield waiting.pop(cell.pixels.shape)
        elif sum(map(len, waiting.values())) == WAITING:
            yield waiting.pop(max(waiting, key=lambda shape: len(waiting[shape])))
    yield from waiting.values()
