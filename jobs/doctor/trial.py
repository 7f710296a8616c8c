"""A small model, open as a run opens it, and a few cells drawn with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from seedscope.analysis.select.canary import TOLERANCES, small
from seedscope.jobs.doctor.site import Site
from seedscope.jobs.doctor.tiny_flux import tiny_flux
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.worker import settle
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.schema import Study
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

Dtype = Literal["float32", "float16", "bfloat16"]
DTYPES: tuple[Dtype, ...] = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Kind:
    """A small model that stands for a way to draw.

    Attributes:
        way: in a few words.
        model: its id in a study.
        sampling: of a study, as JSON.
    """

    way: str
    model: str
    steps: int
    guidance: float
    size: tuple[int, int] | None = None


OWN_LOOP = Kind("own loop (sprout-turbo)", "sprout-turbo", 2, 0)
TURBO = Kind("sprout-turbo, 1 step", "sprout-turbo", 1, 0)
SPROUT = Kind("sprout, 20 steps", "sprout", 20, 3)


def stock_call(site: Site) -> Kind:
    """A model whose stock pipeline is called whole: a FLUX.1 of one layer, made on the spot."""
    return Kind("stock call (a tiny Flux)", str(tiny_flux(site.scratch / "tiny-flux")), 2, 4, (32, 48))


def both_ways(site: Site) -> Iterator[Kind]:
    """A model of each way to draw."""
    yield OWN_LOOP
    yield stock_call(site)


class Trial:
    """An open model with its cells: 2 prompts x `seeds` seeds."""

    def __init__(
        self, kind: Kind, device: str, dtype: Dtype = "float32", *, seeds: int = 2, compiled: bool = False
    ) -> None:
        settle(1)  # as a worker of a run beside others
        self.study = _study(kind, device, dtype, seeds, compiled)
        self.dtype = dtype
        located = locate(self.study.model)
        task = TextToImage.of(self.study, located)
        self.drawing = Drawing(self.study, located, task)
        self.unit = Unit.crossed("trial", task.prompts(), tuple(range(seeds)))
        self.drawing.begin(self.unit)

    @property
    def table(self) -> Table:
        """A table for what is drawn, to which nothing is written."""
        return Table.of(Path(), "images", "0" * 64, IMAGE_SCHEMA)

    @property
    def cells(self) -> list[Cell]:
        return list(self.unit.cells)

    def draw(self, cells: Sequence[Cell] | None = None) -> Pixels:
        """Cells, by default all, drawn as one batch: (B, H, W, 3) uint8.

        Raises:
            NotFinite: the model gave values that are not finite.
        """
        pixels, finite = self.drawing.draw(list(cells or self.cells))
        if not all(finite):
            raise NotFinite(f"{finite.count(False)} of {len(finite)} pictures have values that are not finite")
        return np.asarray(pixels.numpy())


class NotFinite(Exception):
    """Infinities, or no numbers at all, where pictures should be."""


@cache
def opened(kind: Kind, device: str, dtype: Dtype = "float32", seeds: int = 2) -> Trial:
    """A trial that several checks share."""
    return Trial(kind, device, dtype, seeds=seeds)


def _study(kind: Kind, device: str, dtype: Dtype, seeds: int, compiled: bool) -> Study:
    height, width = kind.size or (None, None)
    guidance = {"scale": kind.guidance}
    return Study.model_validate(
        {
            "name": "doctor",
            "model": kind.model,
            "sampling": {"steps": kind.steps, "guidance": guidance, "height": height, "width": width},
            "compute": {"dtype": dtype, "device": device, "batch_size": 2 * seeds, "compile": compiled},
            "prompts": ["a red apple", "a cat on grass"],
            "seeds": f"0-{seeds - 1}",
        }
    )


@dataclass(frozen=True)
class Difference:
    """How far pictures are from the same ones drawn otherwise.

    Attributes:
        largest: of the differences of single values, of 255.
        small: the largest root mean square over a picture that is made small, of 255, as golden lists compare pictures.
    """

    largest: int
    small: float

    @classmethod
    def of(cls, some: Pixels, others: Pixels) -> "Difference":
        """some, others: (B, H, W, 3) uint8."""
        apart = np.abs(some.astype(np.int16) - others)
        pairs = (
            (small(one).astype(float), small(other).astype(float)) for one, other in zip(some, others, strict=True)
        )
        return cls(int(apart.max()), max(float(np.sqrt(np.mean((one - other) ** 2))) for one, other in pairs))

    def passes(self, dtype: Dtype) -> bool:
        """Whether a golden list would take the ones for the others."""
        return self.small <= TOLERANCES[dtype]

    @property
    def said(self) -> str:
        """In words."""
        if self.largest == 0:
            return "the same, bit for bit"
        as_golden = f" ({self.small:.2g} as golden lists compare)" if self.small >= 0.05 else ""
        return f"{self.largest} of 255 apart at most{as_golden}"
