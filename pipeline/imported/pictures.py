"""From the file of a picture to its pixels, without loss or not at all."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from seedscope.pipeline.images import ImageError

LARGEST_SIDE = 16383  # of a WebP picture
# What Pillow's readers raise on damaged files, by format.
DAMAGE = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, RuntimeError, struct.error)


@contextmanager
def opened(source: Path | bytes) -> Iterator[Image.Image]:
    """A picture, its header read.

    Raises:
        ImageError: it is none, its file is missing or cut off, or a size is claimed that would fill the memory.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
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


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """A picture as a viewer shows it, turned as EXIF says.

    Returns:
        (H, W, 3) uint8, RGB: for pictures of 8 bits a channel, palettes, greys and opaque ones with an alpha channel among
        them, exactly their values. Of 16 bits a channel the high byte remains. Colour profiles are not applied.

    Raises:
        ImageError: not readable, cut off, animated, in part transparent, of floating-point values, or of more than 16,383
            pixels a side.
    """
    with opened(data) as picture:
        if (frames := getattr(picture, "n_frames", 1)) > 1 and picture.format != "MPO":
            raise ImageError(f"it is animated ({frames} frames), and a cell is one picture")
        if max(picture.size) > LARGEST_SIDE:
            raise ImageError(
                f"it is {picture.width} x {picture.height}; at most {LARGEST_SIDE} pixels a side are stored"
            )
        return _rgb(ImageOps.exif_transpose(picture))


def _rgb(picture: Image.Image) -> npt.NDArray[np.uint8]:
    if picture.mode == "F":
        raise ImageError("it holds floating-point values, whose range is not known")
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255; of colour pictures of 16 bits it, too, keeps the high byte.
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ImageError("it has more than 16 bits a channel")
        return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if np.asarray(picture.getchannel("A")).min() < 255:
            raise ImageError("it is in part transparent, and what lies behind it is not known")
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)
