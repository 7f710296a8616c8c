"""Pictures: from a file's bytes to pixels without loss or not at all, and lossless WebP or PNG of pixels."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

LARGEST_SIDE = 16383  # of a WebP picture
LARGE = 8 * 2**20
"""Pixels of one picture that are much for an encoder of WebP, which takes up to 30 bytes for each; one of PNG takes 7."""
# What Pillow's readers raise on damaged files, by format.
DAMAGE = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, RuntimeError, struct.error)
OPAQUE = 254  # from 255 on by the letter; programs that hide text in the lowest bit of alpha write 254 as well
# Pillow refuses a PNG with a text or a colour profile above 1 MB: graphs of ComfyUI and profiles of scanners are larger.
PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, 32 * 1024 * 1024)

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class ImageError(ValueError):
    """A picture that cannot be read, or whose colours would have to be guessed."""


def encode(pixels: Pixels) -> bytes:
    """Lossless WebP of one picture.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Lossless, because JPEG shifts Frechet distances (Parmar et al. 2022, arXiv 2104.11222, section 4). The effort is the
    fastest one: slower settings save a few percent of bytes and cost more time than drawing a small picture does.
    """
    return webp(Image.fromarray(pixels, "RGB"))


def webp(picture: Image.Image) -> bytes:
    """Lossless WebP of an RGB picture, as `encode` makes it."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return buffer.getvalue()


def png(picture: Image.Image) -> bytes:
    """PNG of an RGB picture: of a photograph about as large as lossless WebP, and slower by a half."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def endings() -> set[str]:
    """The endings of files that Pillow can read, such as `.png`, in lower case."""
    return {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}


@contextmanager
def opened(source: Path | bytes) -> Iterator[Image.Image]:
    """A picture, its header read.

    Raises:
        ImageError: it is none, its file is missing or cut off, or a size is claimed that would fill the memory.
    """
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            yield picture
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError("there is no such file") from None
    except UnidentifiedImageError:
        raise ImageError("not a readable picture: its format is not known, or its beginning is damaged") from None
    except (Image.DecompressionBombError, *DAMAGE) as error:
        raise ImageError(f"not a readable picture: {error}") from error


def decode(data: bytes) -> Pixels:
    """A picture's pixels, (H, W, 3) uint8, RGB, as a viewer shows it, turned as EXIF says.

    Several threads may decode at once: Pillow lets them.

    Raises:
        ImageError: as for `read`.
    """
    return np.asarray(read(data), dtype=np.uint8)


def read(source: Path | bytes) -> Image.Image:
    """As `decode`, before the pixels become an array, which takes as much memory once more.

    Returns:
        RGB, without texts and profiles: for pictures of 8 bits a channel, palettes, greys and opaque ones with an alpha
        channel (of 254 or 255) among them, exactly their values. Of 16 bits a channel the high byte remains. Colour profiles
        are not applied.

    Raises:
        ImageError: not readable, cut off, of several frames, in part transparent, of inks (CMYK), of floating-point or
            32-bit values, or of more than 16,383 pixels a side.
    """
    with opened(source) as picture:
        if (frames := getattr(picture, "n_frames", 1)) > 1 and picture.format != "MPO":
            raise ImageError(f"it is animated ({frames} frames), and a cell is one picture")
        if max(picture.size) > LARGEST_SIDE:
            raise ImageError(f"it is {picture.width} x {picture.height}; at most {LARGEST_SIDE} pixels a side are read")
        if picture.mode == "CMYK":
            raise ImageError("it is CMYK, and what colours its inks have is not known; save it as RGB")
        if picture.mode == "F" or (
            picture.mode == "I" and picture.format != "PPM"
        ):  # 16 bits of a PPM, too, are an "I"
            raise ImageError("it holds floating-point or 32-bit values, whose range is not known")
        ImageOps.exif_transpose(picture, in_place=True)
        return _rgb(picture)


def decode_mask(data: bytes) -> Mask:
    """A mask as (H, W) bool: True where the picture is white, False where it is black.

    Raises:
        ImageError: as for `decode`, or it has other colours.
    """
    pixels = decode(data)
    white: Mask = (pixels == 255).all(axis=2)
    if not (white | (pixels == 0).all(axis=2)).all():
        raise ImageError(
            "a mask is white where the picture is drawn anew and black elsewhere, and it has other colours"
        )
    return white


def _rgb(picture: Image.Image) -> Image.Image:
    transparency = "it is in part transparent, and what lies behind it is not known"
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255; of colour pictures of 16 bits it, too, keeps the high byte.
        values = np.asarray(picture)
        if (values == picture.info.get("transparency", -1)).any():
            raise ImageError(transparency)
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        if np.asarray(picture.getchannel("A")).min() < OPAQUE:
            raise ImageError(transparency)
    picture.load()
    found = picture if picture.mode == "RGB" else picture.convert("RGB")
    found.info = {}
    return found
