"""`seedscope masks`: the objects that the layout feature found become the masks of an inpainting study."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedscope.jobs.commands.options import Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.run.run import Run

ROW_GROUP = 16


def write_masks(
    study: StudyFile,
    file: Annotated[Path, typer.Option("--to", help="The Parquet file to write.", show_default=False)],
    folder: Out = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many pictures, spread evenly over the run.")] = 500,
    grow: Annotated[int, typer.Option(min=0, help="Pixels by which a mask reaches beyond its object.")] = 4,
) -> None:
    """Write pictures of a run with the masks of their objects, for `inpaint: {pictures: FILE}` of another study.

    Needs the measurements of `layout`. A picture in which no object was found is left out.

    Example: seedscope masks configs/demo.yaml --to masks.parquet --limit 100
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from seedscope.analysis.run.run import run_of
    from seedscope.pipeline.images import IMAGE, schema_with_images
    from seedscope.pipeline.storage.local import replacing

    run = run_of(study, folder)
    rows = list(_masked(run, limit, grow))
    if not rows:
        raise UserError(f"{run.folder.path}: no picture has an object that was found. Is `layout` measured?")
    fields = [pa.field("image", IMAGE), pa.field("mask", IMAGE), pa.field("object", pa.string())]
    schema = schema_with_images([*fields, pa.field("name", pa.string())])
    table = pa.Table.from_pylist(rows, schema=schema)
    with replacing(file) as scratch:
        pq.write_table(table, scratch, row_group_size=ROW_GROUP)
    out.print(f"wrote {file}: {len(rows):,} pictures with masks", soft_wrap=True)


def _masked(run: "Run", limit: int, grow: int) -> Iterator[dict[str, Any]]:
    """Rows of image, mask, object and name, at most `limit`, evenly spaced over the cells in which an object was found."""
    import pyarrow.compute as pc

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
            mask = {"bytes": _grown(place["mask"]["bytes"], grow), "path": None}
            key = f"{picture['prompt_id']}-{picture['seed']}"
            yield {"image": picture["image"], "mask": mask, "object": place["object"], "name": key}


def _grown(mask: bytes, pixels: int) -> bytes:
    """A mask that reaches `pixels` further to every side, corners included."""
    import io

    from PIL import Image, ImageFilter

    with Image.open(io.BytesIO(mask)) as picture:
        grown = picture.convert("L").filter(ImageFilter.MaxFilter(2 * pixels + 1))
    buffer = io.BytesIO()
    grown.convert("1").save(buffer, "PNG")
    return buffer.getvalue()
