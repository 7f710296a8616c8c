"""`seedscope masks`: the objects that the layout feature found become the masks of an inpainting study."""

from pathlib import Path
from typing import Annotated

import typer

from seedscope.jobs.commands.options import Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

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

    from seedscope.analysis.run.object_masks import object_masks
    from seedscope.analysis.run.opened import run_of
    from seedscope.pipeline.storage.local import replacing
    from seedscope.pipeline.tables.image_column import IMAGE, schema_with_images

    run = run_of(study, folder)
    rows = list(object_masks(run, limit, grow))
    if not rows:
        raise UserError(f"{run.folder.path}: no picture has an object that was found. Is `layout` measured?")
    fields = [pa.field("image", IMAGE), pa.field("mask", IMAGE), pa.field("object", pa.string())]
    schema = schema_with_images([*fields, pa.field("name", pa.string())])
    table = pa.Table.from_pylist(rows, schema=schema)
    with replacing(file) as scratch:
        pq.write_table(table, scratch, row_group_size=ROW_GROUP)
    out.print(f"wrote {file}: {len(rows):,} pictures with masks", soft_wrap=True)
