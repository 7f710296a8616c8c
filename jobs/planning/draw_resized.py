"""A run's seeds at other sizes: which sizes, how their noise is made, and which parts of the pictures are compared.

A picture at another size is compared where the noise of the seed's own picture lies in its noise: in its middle, or, along
sides on which it is smaller, with the middle of the seed's own picture (`pipeline/drawing/noise/resize.py`). Both parts are of
the same size in pixels, and none is scaled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.draw_changed import Change, Drawn, View
from seedscope.pipeline.drawing.noise import Recipe, recipe_of
from seedscope.pipeline.drawing.noise.resize import places
from seedscope.pipeline.errors import ModelError, UserError
from seedscope.pipeline.models.base import Geometry
from seedscope.pipeline.study.noise import LARGEST_SIDE

TIMES = ((0.75, 0.75), (1.0, 1.5), (1.5, 1.0), (1.25, 1.25), (1.5, 1.5))
"""Height and width of the sizes that are drawn where none are named, in those of the study."""
Size = tuple[int, int]
"""Height and width, pixels."""


@dataclass(frozen=True)
class Resizing:
    """T sizes beside the seeds' own.

    changes: what is drawn of each prompt: the seeds themselves, then of each size with resized and with plain noise.
    regions: T pairs of the parts that are compared: of the seed's own picture, and of that at the other size.
    """

    own: Size
    sizes: Sequence[Size]
    changes: Sequence[Change]
    regions: Sequence[tuple[View, View]]

    def compared(
        self, drawn: Drawn
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Vectors (T, P, S, D) of the seeds' own pictures, of those of resized noise, and of those of plain noise."""
        views = self.changes[0].views
        own = [drawn.vectors[views.index(of_own)] for of_own, _ in self.regions]
        return np.stack(own), drawn.vectors[len(views) :: 2], drawn.vectors[len(views) + 1 :: 2]


def resizing_of(run: DrawnRun, named: str | None) -> Resizing:
    """What is drawn for sizes as a person named them; for a smaller, a larger and other shapes where none are named.

    Raises:
        UserError: one cannot be read, or has nothing of the seeds' noise; the study resizes already, fills masks, or its model
            draws its noise itself.
        ModelError: one is none of the model's.
    """
    if run.task.fills_masks:
        raise UserError("inpaint: the study fills masks in given pictures, which have a size of their own.")
    if run.study.noise.from_size is not None:
        raise UserError(
            "noise.from: the study's noise is resized already. Take the key out to see how its seeds bear it."
        )
    if (noise := recipe_of(run.study, run.located)) is None:
        raise UserError(f"A {run.located.pipeline} draws its noise itself, so that it cannot be resized.")
    own, geometry = run.located.size(run.study.sampling), run.located.geometry
    sizes = _usual(run, own) if named is None else _read(named)
    if set(sizes) == {own}:
        raise UserError(f"--sizes {named}: is the study's own size. Name another one.")
    for size in sizes:
        _refuse(run, size)
    regions = [_regions(geometry, own, size) for size in sizes]
    changes = [Change(noise, own, tuple(dict.fromkeys(of_own for of_own, _ in regions)))]
    for size, (_, view) in zip(sizes, regions, strict=True):
        changes += [Change(recipe, size, (view,)) for recipe in _noises(noise, geometry, size)]
    return Resizing(own, sizes, changes, regions)


def named_as(size: Size) -> str:
    """Width x height, as a person names a size: `512x768`."""
    return f"{size[1]}x{size[0]}"


def _noises(noise: Recipe, geometry: Geometry, size: Size) -> tuple[Recipe, Recipe]:
    """Resized from that of the seeds, and plain."""
    if (shape := geometry.latent_shape(*size)) is None:
        raise ValueError("a model that draws its noise itself")
    plain = replace(noise, shape=shape)
    return plain if shape == noise.shape else replace(plain, small=noise.shape), plain


def _read(named: str) -> list[Size]:
    found = []
    for text in named.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,5})\s*[xX×]\s*([0-9]{1,5})\s*", text)
        if match is None or not all(8 <= int(side) <= LARGEST_SIDE for side in match.groups()):
            raise UserError(
                f"--sizes {text.strip()}: sizes are WIDTHxHEIGHT in pixels, from 8 to {LARGEST_SIDE}, with commas between, "
                "such as 512x768,768x768."
            )
        found.append((int(match[2]), int(match[1])))
    return list(dict.fromkeys(found))


def _refuse(run: DrawnRun, size: Size) -> None:
    """Refuse a size that cannot be drawn, or compared.

    Raises:
        UserError: its noise has nothing of the seed's own.
        ModelError: the model does not draw it.
    """
    option = f"--sizes {named_as(size)}"
    run.located.refuse_size(*size, keys=(option, option))
    sampling = run.study.sampling.model_copy(update={"height": size[0], "width": size[1]})
    try:
        run.located.refuse(sampling, run.study.compute, by_prompt=run.task.stock_call)
    except ModelError as error:
        raise ModelError(f"{option}: {error}") from None
    region, _ = _regions(run.located.geometry, run.located.size(run.study.sampling), size)
    if region[0] == region[1] or region[2] == region[3]:
        raise UserError(f"{option}: is so small that its noise has nothing of the seeds' own. Name a larger size.")


def _usual(run: DrawnRun, own: Size) -> list[Size]:
    """Sizes about the study's own that the model draws.

    Raises:
        UserError: it draws none of them.
    """
    step, found = run.located.geometry.step, list[Size]()
    for times in TIMES:
        height, width = (max(step, round(side * by / step) * step) for side, by in zip(own, times, strict=True))
        size = (height, width)
        try:
            _refuse(run, size)
        except UserError:
            continue
        found += [size] if size != own and size not in found else []
    if not found:
        raise UserError(
            f"{run.located.folder.name} draws no size near {named_as(own)} but that one. Name others with --sizes, such as "
            "--sizes 512x768,768x768."
        )
    return found


def _regions(geometry: Geometry, own: Size, size: Size) -> tuple[View, View]:
    """The parts of the seed's own picture and of that at another size whose noise is the same where it is resized."""
    scale = geometry.scale
    rows, columns = places([side // scale for side in own], [side // scale for side in size])
    of_own, of_other = (
        [edge * scale for side in pair for edge in (side.start, side.stop)] for pair in zip(rows, columns, strict=True)
    )
    return (of_own[0], of_own[1], of_own[2], of_own[3]), (of_other[0], of_other[1], of_other[2], of_other[3])
