"""From the bytes of a picture to its pixels: exactly its values, or the reason why it is not read."""

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from foreign_pictures import chunk, noise
from PIL import Image

from seedscope.pipeline.images import ImageError, decode, decode_mask, encode
from seedscope.pipeline.images import opened as open_picture
from seedscope.pipeline.large_pictures import accept_large_pictures

COLOUR = noise(1)
GREY = COLOUR[..., 0]
FINE = np.random.default_rng(1).integers(0, 1 << 16, (16, 24), np.uint16)
FINE_COLOUR = np.dstack([FINE, ~FINE, FINE.T.reshape(16, 24)])
TRANSPARENT = "in part transparent, and what lies behind it is not known"


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def with_alpha(*levels: int) -> Image.Image:
    """The colours with these opacities by turns."""
    return Image.fromarray(np.dstack([COLOUR, np.resize(np.array(levels, np.uint8), GREY.shape)]))


def png(kind: int, values: np.ndarray[Any, Any], *before: bytes) -> bytes:
    """A PNG of 16 bits a channel, which Pillow does not write in colour; `kind` 0 is grey, 2 colour, 4 grey and alpha."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 16, 16, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PALETTE = Image.fromarray(COLOUR).quantize(16)
AS_THEY_ARE = {
    "colour": (encoded(Image.fromarray(COLOUR), "PNG"), COLOUR),
    "our own": (encode(COLOUR), COLOUR),
    "TIFF": (encoded(Image.fromarray(COLOUR), "TIFF"), COLOUR),
    "opaque": (encoded(with_alpha(255), "PNG"), COLOUR),
    "opaque but for a hidden text": (encoded(with_alpha(255, 254), "PNG"), COLOUR),
    "opaque WebP": (encoded(with_alpha(255), "WEBP", lossless=True), COLOUR),
    "palette": (encoded(PALETTE, "PNG"), np.asarray(PALETTE.convert("RGB"))),
    "palette, a transparent colour that is not there": (
        encoded(PALETTE, "PNG", transparency=255),
        np.asarray(PALETTE.convert("RGB")),
    ),
    "GIF": (encoded(PALETTE, "GIF"), np.asarray(PALETTE.convert("RGB"))),
    "grey": (encoded(Image.fromarray(GREY), "PNG"), np.dstack([GREY] * 3)),
    "grey and alpha": (
        encoded(with_alpha(255).convert("LA"), "PNG"),
        np.dstack([np.asarray(Image.fromarray(COLOUR).convert("L"))] * 3),
    ),
    "black and white": (encoded(Image.fromarray(GREY > 99), "PNG"), np.dstack([255 * (GREY > 99)] * 3)),
    "16 bits, PNG": (encoded(Image.fromarray(FINE), "PNG"), np.dstack([FINE >> 8] * 3)),
    "16 bits, TIFF": (encoded(Image.fromarray(FINE), "TIFF"), np.dstack([FINE >> 8] * 3)),
    "16 bits, PGM": (b"P5 24 16 65535\n" + FINE.astype(">u2").tobytes(), np.dstack([FINE >> 8] * 3)),
    "16 bits and alpha": (png(4, np.dstack([FINE, FINE | 0xFFFF])), np.dstack([FINE >> 8] * 3)),
    "16 bits, colour": (png(2, FINE_COLOUR), FINE_COLOUR >> 8),
}


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_values_are_kept_exactly(name: str) -> None:
    data, wanted = AS_THEY_ARE[name]
    found = decode(data)
    assert found.dtype == np.uint8 and found.shape == (16, 24, 3) and (found == wanted).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_read_as_it_is_seen(orientation: int) -> None:
    """Exif 2.32, section 4.6.4, tag Orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(COLOUR), "WEBP", lossless=True, exif=exif)
    turned = {
        1: COLOUR,
        2: COLOUR[:, ::-1],
        3: COLOUR[::-1, ::-1],
        4: COLOUR[::-1],
        5: COLOUR.swapaxes(0, 1),
        6: np.rot90(COLOUR, -1),
        7: COLOUR.swapaxes(0, 1)[::-1, ::-1],
        8: np.rot90(COLOUR),
    }
    assert (decode(data) == turned[orientation]).all()


FRAMES = [Image.fromarray(noise(number)) for number in range(3)]
WHOLE = encoded(FRAMES[0], "PNG")
REFUSED = {
    "nothing": (b"", "not a readable picture: its format is not known"),
    "a text named .png": (b"not a picture", "its format is not known"),
    "PNG cut off": (WHOLE[:-300], "not a readable picture"),
    "PNG with a wrong bit": (WHOLE[:100] + bytes([WHOLE[100] ^ 1]) + WHOLE[101:], "not a readable picture"),
    "PNG that claims a size": (
        WHOLE[:16] + struct.pack(">II", 1 << 30, 1 << 30) + WHOLE[24:],
        "not a readable picture",
    ),
    "JPEG cut off": (encoded(FRAMES[0], "JPEG")[:400], "not a readable picture"),
    "WebP cut off": (encode(COLOUR)[:-200], "not a readable picture"),
    "AVIF cut off": (encoded(FRAMES[0], "AVIF")[:-200], "not a readable picture"),
    "GIF, animated": (encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "animated .3 frames."),
    "PNG, animated": (encoded(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "animated .3 frames."),
    "WebP, animated": (encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "animated .3 frames."),
    "alpha": (encoded(with_alpha(255, 253), "PNG"), TRANSPARENT),
    "alpha, WebP": (encoded(with_alpha(0), "WEBP"), TRANSPARENT),
    "a transparent palette": (encoded(FRAMES[0].quantize(8), "PNG", transparency=0), TRANSPARENT),
    "a transparent grey": (encoded(Image.fromarray(GREY), "PNG", transparency=int(GREY[3, 3])), TRANSPARENT),
    "a transparent grey of 16 bits": (png(0, FINE, chunk(b"tRNS", struct.pack(">H", FINE[3, 3]))), TRANSPARENT),
    "CMYK": (encoded(FRAMES[0].convert("CMYK"), "JPEG"), "it is CMYK, and what colours its inks have is not known"),
    "floating point": (encoded(Image.new("F", (8, 8)), "TIFF"), "floating-point or 32-bit"),
    "32 bits": (encoded(Image.new("I", (8, 8), 200), "TIFF"), "floating-point or 32-bit"),
    "wide": (encoded(Image.new("L", (16384, 1)), "PNG"), "it is 16384 x 1; at most 16383 pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_have_to_be_guessed_is_refused(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(ImageError, match=reason):
        decode(data)


def test_large_pictures_are_read_without_a_warning_where_a_program_says_so() -> None:
    """100 million pixels: Pillow takes them for a decompression bomb, and a large camera makes them."""
    large = encoded(Image.new("1", (10_000, 10_000)), "PNG")
    with pytest.warns(Image.DecompressionBombWarning), open_picture(large):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        accept_large_pictures()
        with open_picture(large) as picture:
            assert picture.size == (10_000, 10_000)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
def test_cut_at_any_byte_no_picture_is_made_up() -> None:
    """Whatever remains of a file is refused, or has all values: a few bytes at the end of a format may say nothing."""
    for data in (WHOLE, encode(COLOUR), encoded(PALETTE, "GIF"), encoded(Image.fromarray(COLOUR), "TIFF")):
        whole = decode(data)
        for length in range(0, len(data), 7):
            try:
                assert (decode(data[:length]) == whole).all(), length
            except ImageError:
                continue


def test_masks_are_white_where_true() -> None:
    mask = GREY > 99
    assert (decode_mask(encoded(Image.fromarray(mask), "PNG")) == mask).all()
    assert (decode_mask(encoded(Image.fromarray(mask).convert("L"), "PNG")) == mask).all()
    assert decode_mask(encoded(Image.new("1", (5, 4)), "PNG")).shape == (4, 5)
    with pytest.raises(ImageError, match="it has other colours"):
        decode_mask(encoded(Image.fromarray(GREY), "PNG"))
    with pytest.raises(ImageError, match="not a readable picture"):
        decode_mask(b"")


def test_decoding_in_threads_leaves_the_warnings_of_a_process_alone() -> None:
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(decode, [encode(noise(number)) for number in range(40)]))
    assert all((pixels == noise(number)).all() for number, pixels in enumerate(found))
    assert list(warnings.filters) == before
