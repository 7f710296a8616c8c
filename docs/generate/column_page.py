"""The columns of every table, from the descriptions that the code writes into their files."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

HEAD = """# Columns of the tables

Each Parquet file carries these descriptions in its schema; `seedscope tables RUN` lists those of a run. The columns that a
feature makes are on [its page](../measurements/index.md). Queries: [Read the tables](../tables.md).
"""
MEASUREMENT = "measurement"


def page() -> str:
    """The page as Markdown."""
    found = [HEAD]
    for name, (row, schema) in tables().items():
        found += [f"## {name}\n", f"{row}\n", *rows(schema)]
    return "\n".join(found)


def tables() -> dict[str, tuple[str, pa.Schema]]:
    """Name -> what a row is, and the columns with their descriptions."""
    from seedscope.analysis.dataset.listed import RESULTS
    from seedscope.analysis.dataset.prompts_table import PROMPTS
    from seedscope.analysis.judging.by_distance import DISTANCES
    from seedscope.analysis.judging.measures_table import MEASURES
    from seedscope.analysis.judging.race.table import RACE
    from seedscope.analysis.select.lists import SCHEMA
    from seedscope.pipeline.drawing.tasks.inpainting import INPAINT_SCHEMA
    from seedscope.pipeline.drawing.tasks.particles import PARTICLE_SCHEMA
    from seedscope.pipeline.drawing.tasks.seed_swap import SWAP_SCHEMA
    from seedscope.pipeline.tables.schemas import CELL_FIELDS, IMAGE_SCHEMA, STATUS_FIELDS

    scores = (
        f"{RESULTS['scores']} After these columns come those of the [features](../measurements/index.md) of the study."
    )
    seeds = f"{RESULTS['seeds']} The columns below `n` are there for every measurement, under its name."
    return {
        "prompts": (RESULTS["prompts"], PROMPTS),
        "scores": (scores, pa.schema([*CELL_FIELDS, *STATUS_FIELDS])),
        "seeds": (seeds, _seeds()),
        "measures": (RESULTS["measures"], MEASURES),
        "distances": (RESULTS["distances"], DISTANCES),
        "golden": (RESULTS["golden"], SCHEMA),
        "race": (RESULTS["race"], RACE),
        "images": ("A row a picture, with the picture.", IMAGE_SCHEMA),
        "images, of inpainting": ("A row a picture of which a part was drawn anew.", INPAINT_SCHEMA),
        "images, of swaps": ("A row a picture whose later noise is another seed's.", SWAP_SCHEMA),
        "images, of particles": ("A row a picture that was drawn together with others.", PARTICLE_SCHEMA),
    }


def rows(schema: pa.Schema) -> Iterator[str]:
    """A table in Markdown of the columns of a schema."""
    from seedscope.analysis.dataset.listed import _columns

    yield "| column | type | meaning | unit | better |\n| --- | --- | --- | --- | --- |"
    for each in _columns(schema, {}):
        said = each.description.replace("|", "\\|")
        yield f"| `{each.name}` | {each.type} | {said} | {each.unit} | {each.better} |"
    yield ""


def _seeds() -> pa.Schema:
    """The columns of `seeds` by a made-up measurement, called as such."""
    from dataclasses import fields

    import numpy as np

    from seedscope.analysis.seeds.seed_row import SeedColumns, described_seeds
    from seedscope.pipeline.tables.columns import About

    none = np.empty(0)
    columns = SeedColumns(8, **{each.name: none for each in fields(SeedColumns) if each.name != "k"})
    own = {name: pa.array([], pa.int64()) for name in ("seed", "rank", "n")}
    table = pa.table(own | columns.named(MEASUREMENT))
    return described_seeds(table, {MEASUREMENT: About("The measurement.")}).schema
