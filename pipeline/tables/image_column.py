"""Columns of pictures: bytes of lossless WebP or PNG, as `datasets` reads them."""

import json

import pyarrow as pa

IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


def schema_with_images(fields: list[pa.Field]) -> pa.Schema:
    """The schema of `fields`, with the metadata by which `datasets` shows every column of type `IMAGE` as pictures."""
    features = {field.name: _feature(field.type) for field in fields}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind: pa.DataType) -> dict[str, str]:
    return {"_type": "Image"} if kind == IMAGE else {"dtype": str(kind), "_type": "Value"}
