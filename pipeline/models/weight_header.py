"""What a file of weights holds, by its header alone: no weights are read."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import NamedTuple

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.study.model import PICKLES

LARGEST = 100 * 2**20
"""Bytes of a header, as safetensors itself limits it."""
_LENGTH = 8
_PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files of `torch.save`, zipped and of old, begin."""


class Tensor(NamedTuple):
    """A tensor of a file: `dtype` as safetensors names it, such as `F16`."""

    shape: tuple[int, ...]
    dtype: str


def tensors(file: Path, key: str) -> Mapping[str, Tensor]:
    """Name -> tensor, of a .safetensors file.

    Source: https://github.com/huggingface/safetensors, "Format": the header's length as 8 bytes, the header as JSON, the data.

    Args:
        key: of the study, which messages name.

    Raises:
        ModelError: it is missing, a pickle, cut off, or no such file.
    """
    header, size = _header(file, key)
    found = {name: value for name, value in header.items() if name != "__metadata__"}
    try:
        read = {name: Tensor(tuple(map(int, each["shape"])), str(each["dtype"])) for name, each in found.items()}
        end = max((int(each["data_offsets"][1]) for each in found.values()), default=0)
    except (TypeError, KeyError, ValueError, IndexError):
        raise _no_weights(file, key) from None
    if not read:
        raise ModelError(f"{key}: {file} holds no tensors. Download it again.")
    if end > size:
        raise ModelError(f"{key}: {file} is cut off: {end - size:,} bytes are missing. Download it again.")
    return read


def values(file: Path) -> int:
    """How many numbers a file of weights holds; by its size, as of half precision, where its header cannot be read."""
    try:
        return sum(prod(tensor.shape) for tensor in tensors(file, "model").values())
    except ModelError:
        return file.stat().st_size // 2


def _header(file: Path, key: str) -> tuple[dict[str, dict[str, list[int]]], int]:
    """The header, and how many bytes of data are behind it."""
    try:
        whole = file.stat().st_size
        with file.open("rb") as opened:
            begin = opened.read(_LENGTH)
            length = int.from_bytes(begin, "little")
            text = opened.read(length) if length <= min(LARGEST, whole) else b""
    except FileNotFoundError:
        raise ModelError(f"{key}: there is no file {file}. Paths are relative to the study file.") from None
    except IsADirectoryError:
        raise ModelError(f"{key}: {file} is a folder; name a .safetensors file in it.") from None
    except OSError as error:
        raise ModelError(f"{key}: {file} cannot be read: {error.strerror}.") from None
    if begin.startswith(_PICKLED) or file.suffix.lower() in PICKLES:
        raise ModelError(
            f"{key}: {file} is a pickle, which could run any code when it is opened. Take the .safetensors of it, or load it "
            "once where you trust it and save it as one."
        )
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_weights(file, key) from None
    if not isinstance(header, dict):
        raise _no_weights(file, key)
    return header, whole - _LENGTH - length


def _no_weights(file: Path, key: str) -> ModelError:
    return ModelError(f"{key}: {file} is no .safetensors file, or a damaged one. Download it again, or name another.")
