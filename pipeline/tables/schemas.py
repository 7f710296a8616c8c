"""The columns of image shards, and those that every table of cells has."""

import pyarrow as pa

from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.image_column import IMAGE, schema_with_images

CELL_FIELDS = [
    column("prompt_id", pa.string(), "Which prompt: the first 16 hexadecimal digits of the SHA-256 of its text."),
    column("seed", pa.int64(), "The seed that the picture's noise is drawn from."),
]
STATUS_FIELDS = [
    column("status", pa.string(), "ok, or failed where the other columns have no values."),
    column("error", pa.string(), "Why it failed; null where it did not."),
]
IMAGE_SCHEMA = schema_with_images(
    [
        CELL_FIELDS[0],
        column("prompt", pa.string(), "The text of the prompt."),
        CELL_FIELDS[1],
        column("image", IMAGE, "The picture as a file, and a name for it; lossless WebP if seedscope has drawn it."),
        *STATUS_FIELDS,
    ]
)
