"""How much memory a worker with a model needs, by the headers of the files that it loads."""

from collections.abc import Iterator
from pathlib import Path

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.models.single_file import GGUF
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.models.weight_header import values
from seedscope.pipeline.study.schema import Compute, Guidance

LIBRARIES = 2**30
"""Bytes of torch and the libraries around it."""
UNKNOWN = 8 * 2**30
"""Bytes of a model of the hub that does not say how large it is."""
A_PIXEL = 1300
"""Bytes in float32 that decoding a pixel takes at its widest: 128 channels, about two and a half of them at once."""
KEPT_BY_DECODER = 23_000
KEPT_BY_NETWORK = 18_000
"""Bytes in float32 that a gradient keeps of a pixel: of one picture through the decoder, and of each branch of every picture
through a UNet. Counted on the networks of Stable Diffusion 1.5 at 512 x 512."""
_SIZES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0}
_QUANTIZED = {"bitsandbytes_4bit": 0.6, "bitsandbytes_8bit": 1.1, "torchao": 1.1}
"""Bytes a value, with the scales beside them."""


def memory(
    located: Located,
    compute: Compute,
    size: tuple[int, int],
    guidance: Guidance | None = None,
    *,
    through_decoder: bool = False,
) -> int:
    """Bytes of a worker: its libraries, the networks that it holds at once, and a batch as it is decoded.

    Args:
        size: (height, width) of the pictures, pixels.
        guidance: of the study; what measures a likeness is not counted. None: none that takes memory.
        through_decoder: whether a task takes gradients through the decoder, a picture at a time.
    """
    parts = dict[str, float]()
    for part, number, width in _weights(located, compute):
        parts[part] = parts.get(part, 0) + number * width
    if not parts:
        return UNKNOWN
    # Text encoders of a stock family have left the memory when the others come.
    apart = located.family.encoders if isinstance(located.family, StockFamily) else ()
    texts = sum(parts[part] for part in parts if part in apart)
    at_once = max(texts, sum(parts.values()) - texts)
    pictures = 1 if compute.vae.slicing else compute.batch_size
    decoded = pictures * size[0] * size[1] * A_PIXEL * _SIZES[compute.vae.dtype or compute.dtype] / 4
    kept = _kept(compute, guidance, through_decoder=through_decoder)
    return int(LIBRARIES + at_once + max(decoded, kept * size[0] * size[1]))


def _kept(compute: Compute, guidance: Guidance | None, *, through_decoder: bool) -> float:
    """Bytes a pixel that gradients keep."""
    similarity = None if guidance is None else guidance.acting_similarity
    if not through_decoder and similarity is None:
        return 0
    kept = KEPT_BY_DECODER * _SIZES[compute.vae.dtype or compute.dtype] / 4
    if guidance is not None and similarity is not None and similarity.through == "network":
        passes = compute.batch_size * (2 if guidance.scale > 1 else 1)
        kept += KEPT_BY_NETWORK * passes * _SIZES[compute.dtype] / 4
    return kept


def _weights(located: Located, compute: Compute) -> Iterator[tuple[str, int, float]]:
    """Part, how many values of it a file has, and bytes a value once they are loaded."""
    network = located.family.network
    for file in located.files:
        part = file.parent.name if file.is_relative_to(located.folder) else network
        if file.suffix.lower() == GGUF:
            yield part, file.stat().st_size, 1.0
        else:
            yield part, values(file), _width(located, compute, part)
    if located.hub:
        for index in sorted(located.folder.glob("*/*.safetensors.index*.json")):
            yield index.parent.name, _said(index) // 2, _width(located, compute, index.parent.name)


def _width(located: Located, compute: Compute, part: str) -> float:
    wanted = located.pieces.quantization
    if wanted is not None and part in (wanted.parts or [located.family.network]):
        return _QUANTIZED[wanted.backend]
    return _SIZES[compute.dtype]


def _said(index: Path) -> int:
    """Bytes of all shards, as their index says, in half precision as most are published."""
    try:
        metadata = read_json(index).get("metadata")
    except ModelError:
        return 0
    found = metadata.get("total_size") if isinstance(metadata, dict) else None
    return found if isinstance(found, int) else 0
