"""The objects that the feature `layout` found in the pictures of a run, as masks."""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc
from PIL import Image, ImageFilter

from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import UserError


def object_masks(run: Run, limit: int, grow: int) -> Iterator[dict[str, Any]]:
    """Pictures of a run with the mask of their object, for an inpainting study.

    Args:
        limit: pictures at most, evenly spaced over the cells in which an object was found, in the order of the run's units.
        grow: pixels by which a mask reaches beyond its object, 0 or more.

    Yields:
        Rows of `image` and `mask` (each {"bytes", "path"} of an encoded picture of the same size in pixels; the mask is a PNG
        of 1 bit, white where the object is), `object` (its label) and `name` (prompt id and seed).

    Raises:
        UserError: the study does not measure `layout` with masks.
    """
    layout = next((item for item in run.measures if item.feature.name == "layout"), None)
    if layout is None or "mask" not in layout.table.schema.names:
        raise UserError(
            f"{run.folder.path}: the study does not measure `layout` with masks; add it to `features` and run it."
        )
    committed = layout.table.committed()
    units = [unit for unit in run.units if unit.name in committed]
    found = [
        (unit.name, row)
        for unit in units
        for row in pc.indices_nonzero(layout.table.read(unit.name, ["object"])["object"].is_valid()).to_pylist()
    ]
    chosen = found if len(found) <= limit else [found[i * len(found) // limit] for i in range(limit)]
    for name in dict.fromkeys(name for name, _ in chosen):
        places = [row for unit, row in chosen if unit == name]
        measured = layout.table.read(name, ["object", "mask"]).take(places).to_pylist()
        pictures = run.images.read(name, ["prompt_id", "seed", "image"]).take(places).to_pylist()
        for place, picture in zip(measured, pictures, strict=True):
            mask = {"bytes": grown(place["mask"]["bytes"], grow), "path": None}
            key = f"{picture['prompt_id']}-{picture['seed']}"
            yield {"image": picture["image"], "mask": mask, "object": place["object"], "name": key}


def grown(mask: bytes, pixels: int) -> bytes:
    """A mask that reaches `pixels` further to every side, corners included: dilation by a square of 2 * pixels + 1.

    mask: an encoded picture (H, W), of which what is not black belongs to the object. Returns a PNG of 1 bit, (H, W).
    """
    with Image.open(io.BytesIO(mask)) as picture:
        grown = picture.convert("L").filter(ImageFilter.MaxFilter(2 * pixels + 1))
    buffer = io.BytesIO()
    grown.convert("1").save(buffer, "PNG")
    return buffer.getvalue()
