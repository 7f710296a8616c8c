"""What programs write into EXIF of their recipe, as texts by the names that they have in a PNG."""

from contextlib import suppress

from PIL import Image

_EXIF_IFD, _MAKE, _MODEL, _USER_COMMENT = 0x8769, 0x010F, 0x0110, 0x9286
DESCRIPTION = 0x010E
_SWARM = '"sui_image_params"'


def utf8(value: str) -> str:
    """A text that was written as UTF-8 and read as Latin-1, as Pillow reads text in PNG and EXIF."""
    with suppress(UnicodeError):
        return value.encode("latin-1").decode()
    return value


def exif_texts(exif: Image.Exif) -> dict[str, str]:
    """The user comment, as A1111 and SwarmUI (in the EXIF directory) or Fooocus (beside it) write it, as `parameters`;
    and what ComfyUI and its savers write into the camera's maker, its model and the description as `prompt:{...}`, or SwarmUI
    into the model."""
    comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT, exif.get(_USER_COMMENT))
    texts = {"parameters": _comment(comment)} if comment else {}
    for tag in (_MAKE, _MODEL, DESCRIPTION):
        written = utf8(str(exif.get(tag, "")))
        name, colon, value = written.partition(":")
        if colon and name.lower() in ("prompt", "workflow"):
            texts[name.lower()] = value.strip(" \0")
        elif _SWARM in written:
            texts.setdefault("parameters", written.strip(" \0"))
    return texts


def _comment(value: object) -> str:
    """An EXIF user comment: eight bytes that name the encoding, then the text.

    Source: Exif 2.32, section 4.6.5. UTF-16 comes in either byte order: A1111 (piexif) writes the high byte first, SwarmUI
    (ImageSharp) the low one. The order in which the word `seed` is found is the right one; else the side on which the zero
    bytes of Latin letters lie decides. Without any zero byte it is UTF-8, which some programs put there.
    """
    if not isinstance(value, bytes):
        return utf8(str(value)).rstrip("\0")
    code, body = value[:8].upper(), value[8:]
    if code == b"UNICODE\0":
        if 0 not in body.rstrip(b"\0"):
            return body.decode(errors="replace").rstrip("\0")
        high_first = body[::2].count(0) >= body[1::2].count(0)
        orders = ("utf-16-be", "utf-16-le") if high_first else ("utf-16-le", "utf-16-be")
        texts = [body.decode(order, errors="replace").lstrip("\ufeff").rstrip("\0") for order in orders]
        return next((found for found in texts if "seed" in found.lower()), texts[0])
    return utf8((body if code.endswith(b"\0") else value).decode("latin-1")).rstrip("\0")
