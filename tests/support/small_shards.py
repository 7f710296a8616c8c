"""A small unit and its rows."""

import numpy as np
import pyarrow as pa

from seedscope.pipeline import images
from seedscope.pipeline.study.plan import Edition, Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

UNIT = Unit.crossed("000000-abcdef01", (prompt("a cat"), prompt("a dog")), (1, 2))


def rows(unit: Unit = UNIT, shade: int = 0) -> pa.Table:
    pixels = np.random.default_rng(shade).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    return pa.Table.from_pylist(
        [
            {
                "prompt_id": item.id,
                "prompt": item.text,
                "seed": seed,
                "image": {"bytes": images.encode(pixels), "path": f"{item.id}-{seed}.webp"},
                "status": "ok",
                "error": None,
            }
            for item, seed in unit.cells
        ],
        schema=IMAGE_SCHEMA,
    )


def edition(texts: str, seeds: int) -> Edition:
    return Edition(tuple(prompt(text) for text in texts), tuple(range(seeds)))
