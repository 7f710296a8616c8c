"""Seeds of a run drawn anew with something changed, their noise or their size, and what an embedding makes of the pictures.

What is done is kept, a file a prompt and change, until the command ends: one that was killed goes on where it was.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Measurer
from seedscope.analysis.features.embedding import Embedding
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.noise import Recipe
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.models.device import gpu_memory_ran_out
from seedscope.pipeline.running.machine import DRAWING
from seedscope.pipeline.storage.local import make_folder, refusals, replacing
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import fingerprint

DEFAULT = "style_efficientnet_lite0"
View = tuple[int, int, int, int]
"""Part of a picture: top, bottom, left and right, pixels."""


@dataclass(frozen=True)
class Change:
    """How pictures are drawn, and what of them is looked at.

    size: (height, width), pixels, for which `noise` is made; None: the study's. views: the parts that are embedded, each for
    itself; None: the whole.
    """

    noise: Recipe
    size: tuple[int, int] | None = None
    views: tuple[View | None, ...] = (None,)


@dataclass(frozen=True, eq=False)
class Drawn:
    """S seeds on P prompts under some changes.

    vectors: (V, P, S, D) float32, of all views of all changes in order; NaN of a cell that failed. pictures: a list of S for
    each change, of the first prompt; None of a cell that failed.
    """

    vectors: npt.NDArray[np.float32]
    pictures: Sequence[Sequence[Pixels | None]]


def embedding_named(run: DrawnRun, by: str | None) -> Embedding:
    """The feature that says how far pictures are apart, as the study has it, or at its defaults.

    Raises:
        UserError: it gives no vector of a picture, or there is none of that name.
    """
    name = by or DEFAULT
    found = next((item for item in run.measured if item.name == name), None) or feature(name)
    if not isinstance(found, Embedding):
        raise UserError(
            f"--by {name}: gives no vector of a picture; such features are {DEFAULT} and fd_efficientnet_lite0."
        )
    return found


def some_prompts(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """At most so many, evenly spaced, so that they are of many groups."""
    places = np.linspace(0, len(prompts) - 1, min(count, len(prompts))).round().astype(int)
    return [prompts[place] for place in places]


def draw_changed(
    run: DrawnRun,
    embedding: Embedding,
    seeds: Sequence[int],
    prompts: Sequence[Prompt],
    changes: Sequence[Sequence[Change]],
    kept: Path,
    told: Callable[[int], object] = lambda _: None,
) -> Drawn:
    """Draw each prompt with each seed under each change.

    Args:
        changes: of each prompt; as many for all, with as many views.
        kept: the folder of what was done before; the caller removes it in the end.
        told: is called with a number of pictures, when these are done.

    Raises:
        UserError: a batch does not fit into the GPU's memory.
        StorageError: the folder cannot be written.
    """
    studio = _Studio(run, embedding, seeds, kept, told)
    vectors: list[npt.NDArray[np.float32]] = []
    pictures: list[list[Pixels | None]] = []
    for place, (prompt, of_prompt) in enumerate(zip(prompts, changes, strict=True)):
        done = [studio.done(prompt, change, shown=place == 0) for change in of_prompt]
        vectors.append(np.concatenate([found.vectors for found in done]))
        pictures += [found.shown() for found in done] if place == 0 else []
    return Drawn(np.stack(vectors, axis=1), pictures)


@dataclass(frozen=True, eq=False)
class _Done:
    """vectors: (V, S, D), NaN of a cell that failed. pictures: (N, H, W, 3) uint8 of those that did not, if they are shown."""

    vectors: npt.NDArray[np.float32]
    pictures: Pixels

    def shown(self) -> list[Pixels | None]:
        left = iter(self.pictures)
        return [None if failed else next(left) for failed in np.isnan(self.vectors[0, :, 0])]


class _Studio:
    """Draws and embeds; loads model and network when something is to be drawn."""

    def __init__(
        self, run: DrawnRun, embedding: Embedding, seeds: Sequence[int], kept: Path, told: Callable[[int], object]
    ) -> None:
        self._run, self._embedding, self._seeds = run, embedding, tuple(seeds)
        self._kept, self._told = kept, told
        self._loaded: tuple[Drawing, Measurer] | None = None

    def done(self, prompt: Prompt, change: Change, *, shown: bool) -> _Done:
        """What a change makes of a prompt: as it is kept, or drawn now."""
        file = self._kept / f"{self._made_from(prompt, change, shown)[:32]}.npz"
        if (found := _read(file)) is None:
            found = self._drawn(prompt, change, shown=shown)
            with refusals(self._kept):
                make_folder(self._kept)
            with replacing(file) as scratch, scratch.open("wb") as opened:
                np.savez(opened, vectors=found.vectors, pictures=found.pictures)
        else:
            self._told(len(self._seeds))
        return found

    def _made_from(self, prompt: Prompt, change: Change, shown: bool) -> str:
        recipe = asdict(change.noise)
        recipe["variation"] = change.noise.variation and change.noise.variation.model_dump(mode="json")
        return fingerprint(
            {
                "cause": self._run.made_from,
                "libraries": {name: version(name) for name in DRAWING},
                "feature": self._embedding.fingerprint(),
                "prompt": [prompt.id, prompt.text],
                "seeds": list(self._seeds),
                "change": {"noise": recipe, "size": list(change.size or ()), "views": list(map(list, _boxes(change)))},
                "shown": shown,
            }
        )

    def _drawn(self, prompt: Prompt, change: Change, *, shown: bool) -> _Done:
        if self._loaded is None:
            drawing = Drawing(self._run.study, self._run.located, self._run.task)
            self._loaded = drawing, self._embedding.load(drawing.model.device)
        drawing, measurer = self._loaded
        cells = self._cells(drawing, prompt, change)
        there = [place for place, picture in enumerate(cells) if picture is not None]
        vectors = np.full((len(change.views), len(cells), self._embedding.dimensions), np.nan, np.float32)
        pictures: Pixels = np.zeros((0, 1, 1, 3), np.uint8)
        if there:
            pictures = np.stack([picture for picture in cells if picture is not None])
            for view, (top, bottom, left, right) in enumerate(_boxes(change, pictures.shape[1:3])):
                part = pictures[:, top:bottom, left:right]
                vectors[view, there] = _vectors(measurer, self._embedding.name, part, prompt.text)
        return _Done(vectors, pictures if shown else pictures[:0])

    def _cells(self, drawing: Drawing, prompt: Prompt, change: Change) -> list[Pixels | None]:
        unit = Unit.crossed("changed", (prompt,), self._seeds)
        drawing.begin(unit, change.noise, change.size)
        cells, found = list(unit.cells), list[Pixels | None]()
        size = self._run.study.compute.batch_size
        for start in range(0, len(cells), size):
            batch = cells[start : start + size]
            try:
                pixels, finite = drawing.draw(batch)
            except Exception as error:
                if not gpu_memory_ran_out(error):
                    raise
                raise UserError(
                    f"compute.batch_size: {len(batch)} pictures at once do not fit into this GPU's memory. Set it lower."
                ) from None
            found += [picture if good else None for picture, good in zip(pixels.numpy(), finite, strict=True)]
            self._told(len(batch))
        return found


def _boxes(change: Change, whole: tuple[int, ...] = (0, 0)) -> list[View]:
    return [view or (0, whole[0], 0, whole[1]) for view in change.views]


def _read(file: Path) -> _Done | None:
    """None where there is none, or where it is damaged: it is then made anew."""
    with suppress(FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile), np.load(file) as parts:
        return _Done(parts["vectors"], parts["pictures"])
    return None


def _vectors(measurer: Measurer, name: str, pixels: Pixels, text: str) -> npt.NDArray[np.float32]:
    column = measurer.compute(pixels, [text] * len(pixels))[name]
    values: npt.NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False).reshape(len(pixels), -1)
    return values
