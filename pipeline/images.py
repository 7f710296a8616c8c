"""Pictures in Parquet: lossless WebP in the column that Hugging Face `datasets` shows as images."""

import io
import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, UnidentifiedImageError

IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


class ImageError(ValueError):
    """A picture that cannot be read."""


def encode(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Lossless WebP of one picture.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Lossless, because JPEG shifts Frechet distances (Parmar et al. 2022, arXiv 2104.11222, section 4). The effort is the
    fastest one: slower settings save a few percent of bytes and cost more time than drawing a small picture does.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(buffer, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return buffer.getvalue()


def decode(data: bytes) -> npt.NDArray[np.uint8]:
    """The picture as (H, W, 3) uint8 RGB, whatever format Pillow knows `data` to be.

    Raises:
        ImageError: the bytes are not a picture, or a truncated one.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ImageError(f"not a readable picture: {error}") from error


def schema_with_images(fields: list[pa.Field]) -> pa.Schema:
    """The schema of `fields`, with the metadata by which `datasets` shows every column of type `IMAGE` as pictures."""
    features = {field.name: _feature(field.type) for field in fields}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind: pa.DataType) -> dict[str, str]:
    return {"_type": "Image"} if kind == IMAGE else {"dtype": str(kind), "_type": "Value"}
