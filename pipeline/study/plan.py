"""Prompts x seeds -> units: pure, cheap, and growing without moving what is there."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import UnitShape

Cell = tuple[Prompt, int]
"""A prompt and a seed: one picture."""


@dataclass(frozen=True, slots=True)
class Crossed(Collection[Cell]):
    """Every prompt with every seed, ordered by (seed, prompt); takes the memory of its sides."""

    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]

    def __iter__(self) -> Iterator[Cell]:
        return ((prompt, seed) for seed in self.seeds for prompt in self.prompts)

    def __len__(self) -> int:
        return len(self.prompts) * len(self.seeds)

    def __contains__(self, cell: object) -> bool:
        return isinstance(cell, tuple) and len(cell) == 2 and cell[0] in self.prompts and cell[1] in self.seeds


@dataclass(frozen=True, slots=True)
class Unit:
    """Cells that become one shard, in the order in which they are drawn and stored: by (seed, prompt)."""

    name: str
    cells: Collection[Cell]

    @classmethod
    def crossed(cls, name: str, prompts: Sequence[Prompt], seeds: Sequence[int]) -> "Unit":
        """A block of prompts x a block of seeds."""
        return cls(name, Crossed(tuple(prompts), tuple(seeds)))

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of its cells, in order."""
        cells = self.cells
        return cells.prompts if isinstance(cells, Crossed) else tuple(dict.fromkeys(prompt for prompt, _ in cells))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its cells, in order."""
        cells = self.cells
        return cells.seeds if isinstance(cells, Crossed) else tuple(dict.fromkeys(seed for _, seed in cells))

    def __len__(self) -> int:
        return len(self.cells)


def sets_of(unit: Unit, size: int) -> list[tuple[int, ...]]:
    """The seeds of a unit in sets, in order."""
    seeds = unit.seeds
    return [seeds[first : first + size] for first in range(0, len(seeds), size)]


def by_sets(unit: Unit, size: int) -> list[Cell]:
    """The cells of a unit in the order in which they are drawn: a prompt with all seeds of a set, one after another.

    With sets of one seed this is the order in which they are stored.
    """
    if size == 1:
        return list(unit.cells)
    there = set(unit.cells)
    return [
        cell
        for seeds in sets_of(unit, size)
        for prompt in unit.prompts
        for seed in seeds
        if (cell := (prompt, seed)) in there
    ]


@dataclass(frozen=True, slots=True)
class Edition:
    """What a study wanted when it was run: all prompts and all seeds, those of earlier editions among them."""

    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]


def as_named(editions: Sequence[Edition], prompts: Sequence[Prompt]) -> list[Edition]:
    """Recorded editions, each prompt with the group and the facts that it has among `prompts`, where it is there."""
    now = {prompt.id: prompt for prompt in prompts}
    return [replace(each, prompts=tuple(now.get(prompt.id, prompt) for prompt in each.prompts)) for each in editions]


def as_recorded(editions: Sequence[Edition], prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts, those with the white space at their ends with which a run has recorded them: 0.1.0 kept it."""
    spelt = {old.text.strip(): old for each in editions for old in each.prompts if old.text != old.text.strip()}
    found = ((item, spelt.get(item.text)) for item in prompts)
    return [
        item
        if old is None
        else replace(item, id=old.id, text=old.text, group=item.group if item.has_named_group else old.id)
        for item, old in found
    ]


def plan(editions: Sequence[Edition], shape: UnitShape) -> list[Unit]:
    """The units of a run that grew through `editions`."""
    return cut(blocks(editions), shape)


def blocks(editions: Sequence[Edition]) -> list[Crossed]:
    """The blocks of a run that grew through `editions`: no cell is in two of them.

    The first edition is one block of prompts x seeds. Each later one adds two: its new prompts for the old seeds, and all
    prompts for its new seeds.
    """
    found: list[Crossed] = []
    prompts: tuple[Prompt, ...] = ()
    seeds: tuple[int, ...] = ()
    for edition in editions:
        known_prompts, known_seeds = {prompt.id for prompt in prompts}, set(seeds)
        new_prompts = tuple(prompt for prompt in edition.prompts if prompt.id not in known_prompts)
        new_seeds = tuple(seed for seed in edition.seeds if seed not in known_seeds)
        found.append(Crossed(new_prompts, seeds))
        prompts += new_prompts
        found.append(Crossed(prompts, new_seeds))
        seeds += new_seeds
    return found


def cut(found: Sequence[Crossed], shape: UnitShape) -> list[Unit]:
    """The units of some blocks, those of a block after those of the one before it.

    So where blocks are added, units that exist keep their names, their cells, their batches and their bytes. Units of a block
    come prompts by prompts, so that a worker meets a prompt for all seeds in a row.
    """
    return [*chain.from_iterable(cut_each(found, shape))]


def cut_each(found: Sequence[Crossed], shape: UnitShape) -> list[list[Unit]]:
    """As `cut`, the units of each block by themselves."""
    units, before = list[list[Unit]](), 0
    for block in found:
        units.append(_rectangle(block.prompts, block.seeds, shape, before))
        before += len(units[-1])
    return units


def _rectangle(prompts: tuple[Prompt, ...], seeds: tuple[int, ...], shape: UnitShape, first: int) -> list[Unit]:
    """Units named `000012-1a2b3c4d`: place in the plan, and a hash of the cells, `<id>,<id>;<seed>,<seed>`."""
    seed_blocks = [seeds[i : i + shape.seeds] for i in range(0, len(seeds), shape.seeds)]
    seed_texts = [",".join(map(str, block)).encode() for block in seed_blocks]
    units: list[Unit] = []
    for i in range(0, len(prompts), shape.prompts):
        block = prompts[i : i + shape.prompts]
        of_prompts = hashlib.sha256(",".join(prompt.id for prompt in block).encode() + b";")
        for some_seeds, text in zip(seed_blocks, seed_texts, strict=True):
            cells = of_prompts.copy()
            cells.update(text)
            units.append(Unit.crossed(f"{first + len(units):06d}-{cells.hexdigest()[:8]}", block, some_seeds))
    return units
