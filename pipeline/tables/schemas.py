"""The columns of image shards, and those that every table of cells has."""

import pyarrow as pa

from seedscope.pipeline.images import IMAGE, schema_with_images

CELL_FIELDS = [pa.field("prompt_id", pa.string()), pa.field("seed", pa.int64())]
STATUS_FIELDS = [pa.field("status", pa.string()), pa.field("error", pa.string())]
IMAGE_SCHEMA = schema_with_images(
    [
        CELL_FIELDS[0],
        pa.field("prompt", pa.string()),
        CELL_FIELDS[1],
        pa.field("image", IMAGE),
        *STATUS_FIELDS,
    ]
)
