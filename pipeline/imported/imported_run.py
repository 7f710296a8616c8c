"""A run folder whose pictures were made elsewhere: it grows by the cells that come in, and has holes where none came."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seedscope.pipeline.errors import RunBusy, RunChanged, StorageError
from seedscope.pipeline.images import LARGE
from seedscope.pipeline.imported.placing import Key, Placed
from seedscope.pipeline.imported.sameness import Made
from seedscope.pipeline.study.plan import Cell, Edition, Unit
from seedscope.pipeline.study.schema import Json, UnitShape, fingerprint
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

SHAPE = UnitShape(prompts=32, seeds=8)
PNG = "png"


@dataclass(frozen=True)
class ImportedRun:
    """What has come into a run folder so far.

    Its `editions/0001.json` and so on are those of a run that was drawn (all prompts and all seeds up to then) with one
    key more: `cells`, the new ones as [number of the prompt, number of the seed, file]. Where large pictures are among these,
    `large` is `png`: they are kept as PNG. Editions of before have such pictures as WebP, and keep them.
    """

    folder: RunFolder

    @cached_property
    def _editions(self) -> list[tuple[Json, Edition]]:
        return self.folder.editions()

    @cached_property
    def cause(self) -> dict[str, Json] | None:
        """What the pictures are, for the names of tables; None before the first import.

        Raises:
            RunChanged: the run was drawn by a study.
            StorageError: the run's record cannot be read.
        """
        if not self._editions:
            return None
        cause = self._editions[0][0]
        if not isinstance(cause, dict) or "imported" not in cause:
            raise RunChanged(
                f"{self.folder.storage.url}: was drawn by a study. Pictures made elsewhere must not mix with it: choose "
                "another folder with --out."
            )
        return cause

    @property
    def made(self) -> Made | None:
        """How the pictures of the run were made; None where they are mixed, and before the first import."""
        made = (self.cause or {}).get("imported")
        return made if isinstance(made, dict) else None

    @cached_property
    def edition(self) -> Edition:
        """All prompts and all seeds that have come in."""
        return self._editions[-1][1] if self._editions else Edition((), ())

    @cached_property
    def files(self) -> dict[Key, Path]:
        """The file that each cell came from."""
        return {(prompt.id, seed): file for cells, _ in self._imports for (prompt, seed), file in cells.items()}

    @cached_property
    def units(self) -> list[Unit]:
        """The blocks of each edition's new cells, so that units which are there keep their cells when the run grows."""
        return [unit for units, _ in self._by_edition for unit in units]

    @cached_property
    def with_png(self) -> set[str]:
        """The names of the units whose large pictures are kept as PNG."""
        return {unit.name for units, png in self._by_edition for unit in units if png}

    @cached_property
    def _by_edition(self) -> list[tuple[list[Unit], bool]]:
        """The units of each edition, and whether its large pictures are kept as PNG."""
        found, count = list[tuple[list[Unit], bool]](), 0
        for cells, png in self._imports:
            found.append((_blocks(cells, count), png))
            count += len(found[-1][0])
        return found

    @cached_property
    def images(self) -> Table:
        """The table of the pictures.

        Raises:
            StorageError: nothing has been imported yet.
        """
        if self.cause is None:
            raise StorageError(
                f"{self.folder.storage.url}: nothing has been imported here yet. `seedscope import` does it."
            )
        return Table.of(self.folder.storage, "images", fingerprint(self.cause), IMAGE_SCHEMA)

    def grow(self, made: Made | None, placed: Iterable[Placed]) -> "ImportedRun":
        """Record the cells that are new; the run as it is then. For the process that holds the run's lock.

        Raises:
            RunBusy: another process has recorded some since this one read the folder.
        """
        new = [item for item in placed if item.key not in self.files]
        if not new:
            return self
        known = {prompt.id: prompt for prompt in self.edition.prompts}
        for item in new:
            known.setdefault(item.prompt.id, item.prompt)
        prompts = list(known.values())
        seeds = [*self.edition.seeds, *sorted({item.seed for item in new} - set(self.edition.seeds))]
        prompt_at = {prompt.id: number for number, prompt in enumerate(prompts)}
        seed_at = {seed: number for number, seed in enumerate(seeds)}
        cells = sorted((prompt_at[item.prompt.id], seed_at[item.seed], str(item.file)) for item in new)
        cause = self.cause or {"imported": made, "unit": SHAPE.model_dump(mode="json"), "image": "webp-lossless"}
        record = {"cause": cause, "prompts": [prompt.record() for prompt in prompts], "seeds": seeds, "cells": cells}
        record |= {"large": PNG} if any(_is_large(item.made) for item in new) else {}
        number = len(self._editions) + 1
        try:
            self.folder.add(number, record)
        except FileExistsError:
            raise RunBusy(
                f"{self.folder.storage.url}: another process has just imported here. Try again when it is done."
            ) from None
        return ImportedRun(self.folder)

    @cached_property
    def _imports(self) -> list[tuple[dict[Cell, Path], bool]]:
        """The new cells of each edition with their files, in order of (prompt, seed); whether large ones are kept as PNG."""
        editions = []
        for number, (_, edition) in enumerate(self._editions, 1):
            try:
                record = self.folder.record(number)
                cells = {(edition.prompts[p], edition.seeds[s]): Path(file) for p, s, file in record["cells"]}
                editions.append((cells, record.get("large") == PNG))
            except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
                place = f"{self.folder.storage.url}/editions/{number:04d}.json"
                raise StorageError(f"{place}: the run's record cannot be read: {error!r}. Restore it.") from error
        return editions


def _is_large(made: Made) -> bool:
    sides = made.get("pixels")
    return isinstance(sides, list) and math.prod(int(str(side)) for side in sides) > LARGE


def _blocks(cells: Mapping[Cell, Path], first: int) -> list[Unit]:
    """Blocks of the grid that the cells span, each with the cells that it has; those without any left out."""
    prompts = list(dict.fromkeys(prompt for prompt, _ in cells))
    seeds = sorted({seed for _, seed in cells})
    prompt_at = {prompt: number for number, prompt in enumerate(prompts)}
    seed_at = {seed: number for number, seed in enumerate(seeds)}
    blocks: dict[tuple[int, int], list[Cell]] = {}
    for prompt, seed in sorted(cells, key=lambda cell: (seed_at[cell[1]], prompt_at[cell[0]])):
        blocks.setdefault((prompt_at[prompt] // SHAPE.prompts, seed_at[seed] // SHAPE.seeds), []).append((prompt, seed))
    return [_unit(number, tuple(blocks[at])) for number, at in enumerate(sorted(blocks), first)]


def _unit(number: int, cells: tuple[Cell, ...]) -> Unit:
    keys = ",".join(f"{prompt.id}:{seed}" for prompt, seed in cells)
    return Unit(f"{number:06d}-{hashlib.sha256(keys.encode()).hexdigest()[:8]}", cells)
