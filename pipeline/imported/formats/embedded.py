"""From a picture's file to its recipe: which of the known formats of metadata it carries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from seedscope.pipeline.images import DAMAGE, opened
from seedscope.pipeline.imported.formats import a1111, comfyui, fooocus, invokeai, swarmui
from seedscope.pipeline.imported.formats.recipe import Recipe, Unplaceable
from seedscope.pipeline.study.schema import Json

_EXIF_IFD, _MAKE, _MODEL, _ORIENTATION, _USER_COMMENT = 0x8769, 0x010F, 0x0110, 0x0112, 0x9286
_TURNED = (5, 6, 7, 8)
_TEXT_CHUNKS = ("parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata")


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says before its pixels are read: its sides as seen, turned as EXIF says, and its texts by name."""

    width: int
    height: int
    texts: Mapping[str, str]


def read_header(file: Path) -> Header:
    """The size and the texts of a picture: PNG text chunks, and EXIF of JPEG, WebP and AVIF.

    Raises:
        ImageError: the file is not a picture, or cannot be read.
    """
    with opened(file) as picture:
        texts = {key: value for key, value in picture.info.items() if isinstance(key, str) and isinstance(value, str)}
        if picture.format == "PNG" and not any(key in texts for key in _TEXT_CHUNKS):
            texts |= _late_chunks(picture)
        # For a PNG without EXIF before its pixels, Pillow would decode them all to look behind them.
        exif = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else Image.Exif()
        texts |= _exif_texts(exif)
        width, height = picture.size
        return Header(*((height, width) if exif.get(_ORIENTATION) in _TURNED else (width, height)), texts)


def _late_chunks(picture: Image.Image) -> dict[str, str]:
    """Text chunks that stand after the pixels of a PNG, where the file goes that far."""
    try:
        picture.load()
    except DAMAGE:
        return {}
    return dict(getattr(picture, "text", {}))


def _exif_texts(exif: Image.Exif) -> dict[str, str]:
    """The user comment, as A1111 and SwarmUI (in the EXIF directory) or Fooocus (beside it) write it, as `parameters`;
    and what ComfyUI writes into the camera's maker and model as `prompt:{...}`."""
    comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT, exif.get(_USER_COMMENT))
    texts = {"parameters": _comment(comment)} if comment else {}
    for tag in (_MAKE, _MODEL):
        name, colon, value = str(exif.get(tag, "")).partition(":")
        if colon and name in ("prompt", "workflow"):
            texts[name] = value.rstrip("\0")
    return texts


def _comment(value: object) -> str:
    """An EXIF user comment: eight bytes that name the encoding, then the text.

    Source: Exif 2.32, section 4.6.5. UTF-16 comes in either byte order: A1111 (piexif) writes the high byte first, SwarmUI
    (ImageSharp) the low one, so the side on which the zero bytes of Latin letters lie decides.
    """
    if not isinstance(value, bytes):
        return str(value).rstrip("\0")
    code, body = value[:8], value[8:]
    if code == b"UNICODE\0":
        high_first = body[::2].count(0) >= body[1::2].count(0)
        return body.decode("utf-16-be" if high_first else "utf-16-le", errors="replace").lstrip("\ufeff").rstrip("\0")
    if code in (b"ASCII\0\0\0", bytes(8)):
        return body.decode(errors="replace").rstrip("\0")
    return value.decode(errors="replace").rstrip("\0")


def recipe_of(texts: Mapping[str, str]) -> Recipe:
    """The recipe in the texts of a picture.

    Raises:
        Unplaceable: they are in none of the known formats, or name no prompt or no usable seed.
    """
    parameters = texts.get("parameters")
    if parameters is not None:
        metadata = _object(parameters)
        if metadata is None:
            return a1111.parse(parameters)
        return swarmui.parse(metadata) if "sui_image_params" in metadata else fooocus.parse(metadata)
    if "invokeai_metadata" in texts:
        return invokeai.parse(_object(texts["invokeai_metadata"]) or {})
    if "sd-metadata" in texts:
        return invokeai.parse_sd_metadata(_object(texts["sd-metadata"]) or {})
    if "prompt" in texts:
        return comfyui.parse(_object(texts["prompt"]) or {})
    if "workflow" in texts:
        raise Unplaceable("it has a ComfyUI `workflow`, but not the `prompt` graph that was run")
    names = f"; the texts in it are {', '.join(map(repr, sorted(texts)))}" if texts else ""
    raise Unplaceable(f"it has none of the known metadata{names}")


def _object(content: str) -> dict[str, Json] | None:
    """A JSON object, or None if the text is none."""
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
