"""Sprout's world: 64 x 64 scenes of one object on a background, with the truth about each.

A scene is a pure function of its seed. The caption always names the object and *sometimes* names size, colour, place,
greyscale, a printed word and a border; what it leaves out varies all the same. A model trained on these pairs must
therefore leave those things to its noise, which is what makes seeds worth measuring, and because the scene is rendered,
every measurement can be checked against the truth. Any scene can also be rendered without its object.

Objects stand on the 8-pixel grid of the autoencoder's latents and come in three sizes: one object then has one latent
pattern a size, and a small model learns its shape in an hour on two cores. Position, size, background, greyscale,
border and printed word are drawn independently of each other.
"""

import colorsys
import math
import random
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

EMOJI_FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
WORD_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")

SIDE = 64
GRID = 8
SIZES = {"small": 32, "medium": 40, "large": 48}
NAMED_SIZES = ("small", "large")

OBJECTS = {
    "apple": "🍎",
    "banana": "🍌",
    "car": "🚗",
    "bus": "🚌",
    "cat": "🐈",
    "dog": "🐕",
    "horse": "🐎",
    "cow": "🐄",
    "pig": "🐖",
    "rabbit": "🐇",
    "fish": "🐟",
    "duck": "🦆",
    "owl": "🦉",
    "penguin": "🐧",
    "elephant": "🐘",
    "frog": "🐸",
    "turtle": "🐢",
    "butterfly": "🦋",
    "bee": "🐝",
    "tree": "🌳",
    "cactus": "🌵",
    "sunflower": "🌻",
    "rose": "🌹",
    "mushroom": "🍄",
    "house": "🏠",
    "sailboat": "⛵",
    "rocket": "🚀",
    "airplane": "✈",
    "train": "🚂",
    "guitar": "🎸",
    "soccer ball": "⚽",
    "cup": "☕",
    "cake": "🎂",
    "pizza": "🍕",
    "burger": "🍔",
    "umbrella": "☂",
    "clock": "⏰",
    "key": "🔑",
    "robot": "🤖",
    "ghost": "👻",
}
HUES = {"red": 0.0, "yellow": 0.14, "green": 0.36, "blue": 0.6, "purple": 0.78}
PLACES = {
    "grass": "on grass",
    "sand": "on sand",
    "snow": "in snow",
    "night": "at night",
    "sea": "at sea",
    "sky": "in the sky",
    "plain": None,
    "studio": None,
}
GROUNDS = {"grass": (90, 165, 70), "sand": (225, 195, 130), "snow": (240, 243, 250), "sea": (35, 95, 165)}
WORDS = ("SALE", "STOP", "OPEN", "CAFE", "ZOO", "TAXI", "NEW", "EXIT")
INKS = (((255, 255, 255), (20, 20, 20)), ((220, 30, 30), (255, 255, 255)))  # (fill, outline)
BORDERS = ((255, 255, 255), (15, 15, 15), (120, 80, 40))
BORDER_WIDTH = 5
NOTHING = "clear background"  # the caption of a scene without its object

BACKGROUND, OBJECT, WORD, BORDER = range(4)  # what covers a pixel
GROUND_NEARNESS = 0.4  # of the ground's lower edge; its horizon, the sky and a wall are as far as can be: 0
NEARNESS = {"small": 0.6, "medium": 0.7, "large": 0.8}  # the larger, the nearer
WORD_NEARNESS, BORDER_NEARNESS = 0.9, 1.0

COLOUR_RATE = 0.3
WORD_RATE = 0.1
GREYSCALE_RATE = 0.12
BORDER_RATE = 0.1
MENTION_RATES = {"size": 0.5, "colour": 0.75, "place": 0.6, "greyscale": 0.6, "word": 0.6, "border": 0.6}

TRAINING_SEEDS = 0
REFERENCE_SEEDS = 1 << 40  # scenes whose seed is this or larger are never trained on
HELD_OUT_SHARE = 12  # one object x attribute combination in this many is held out

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Layers = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Point = tuple[float, float]


class MissingFontError(RuntimeError):
    """The artwork's font is not installed; only rendering needs it, not the shipped weights."""


@dataclass(frozen=True)
class Scene:
    """A rendered picture and the truth about it.

    pixels: uint8 [64, 64, 3]; layers: uint8 [64, 64], BACKGROUND, OBJECT, WORD or BORDER. Lengths are shares of the
    picture's side, x to the right, y down; `horizon` is where the ground begins, 1 where there is none. `place` is one
    of PLACES, `colour` None for the artwork's own colours, `word` None where nothing is printed; `object`, `size_name`
    and `colour` are None in a scene without its object.
    """

    pixels: Pixels
    layers: Layers
    horizon: float
    caption: str
    object: str | None
    size_name: str | None
    colour: str | None
    place: str
    greyscale: bool
    border: bool
    word: str | None
    word_polygon: tuple[Point, Point, Point, Point] | None

    @property
    def mask(self) -> Mask:
        """bool [64, 64]: the object's visible pixels."""
        shown: Mask = self.layers == OBJECT
        return shown

    @property
    def nearness(self) -> Plane:
        """float32 [64, 64] in 0..1: depth order, the larger the nearer; an object is nearer than what it hides."""
        row = (np.arange(SIDE, dtype=np.float32)[:, None] + 0.5) / SIDE
        ground = GROUND_NEARNESS * np.clip(row - self.horizon, 0, None) / max(1 - self.horizon, 1 / SIDE)
        of_object = 0.0 if self.size_name is None else NEARNESS[self.size_name]
        plane: Plane = np.choose(self.layers, [ground, of_object, WORD_NEARNESS, BORDER_NEARNESS]).astype(np.float32)
        return plane

    @property
    def centroid(self) -> Point:
        """(x, y) of the visible object's centre of mass, in 0..1; pixel i has its centre at (i + 0.5) / 64.

        NaN in a scene without its object, as is every entry of `box`.
        """
        if self.object is None:
            return (math.nan, math.nan)
        rows, columns = np.nonzero(self.mask)
        return float((columns.mean() + 0.5) / SIDE), float((rows.mean() + 0.5) / SIDE)

    @property
    def size(self) -> float:
        """The visible object's share of the picture, in 0..1."""
        return float(self.mask.mean())

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) around the visible object, in 0..1."""
        if self.object is None:
            return (math.nan,) * 4
        rows, columns = np.nonzero(self.mask)
        return (columns.min() / SIDE, rows.min() / SIDE, (columns.max() + 1) / SIDE, (rows.max() + 1) / SIDE)


def held_out(object_name: str, attribute: str) -> bool:
    """Whether the combination of an object and a colour or named place is kept out of the training scenes."""
    if attribute not in HUES and PLACES.get(attribute) is None:
        return False
    return zlib.crc32(f"{object_name}|{attribute}".encode()) % HELD_OUT_SHARE == 0


def render(seed: int, *, training: bool = False, object_name: str | None = None, empty: bool = False) -> Scene:
    """The scene of `seed`; the same seed gives the same bytes.

    training: leave out the held-out object x attribute combinations.
    object_name: draw this object instead of the seed's own.
    empty: leave the object out, and all else as it is.
    Raises MissingFontError where the fonts are not installed.
    """
    rng = random.Random(seed)
    drawn_object = rng.choice(tuple(OBJECTS))
    name = drawn_object if object_name is None else object_name
    size_name = rng.choice(tuple(SIZES))
    colour = rng.choice(_allowed(name, tuple(HUES), training)) if rng.random() < COLOUR_RATE else None
    place = rng.choice(_allowed(name, tuple(PLACES), training))
    greyscale, border = rng.random() < GREYSCALE_RATE, rng.random() < BORDER_RATE
    word = rng.choice(WORDS) if rng.random() < WORD_RATE else None

    canvas, horizon = _background(place, rng)
    layers = np.full((SIDE, SIDE), BACKGROUND, dtype=np.uint8)
    length = SIZES[size_name]
    steps = (SIDE - length) // GRID
    left, top = GRID * rng.randint(0, steps), GRID * rng.randint(0, steps)
    if not empty:
        _paste(canvas, layers, _sprite(name, length, colour), left, top, OBJECT)
    polygon = None
    if word is not None:
        ink = _ink(word, rng.randrange(len(INKS)))
        height, width = ink[1].shape
        left = GRID * rng.randint(0, (SIDE - width) // GRID)
        top = rng.choice((GRID, SIDE - GRID - height))
        _paste(canvas, layers, ink, left, top, WORD)
        corners = ((left, top), (left + width, top), (left + width, top + height), (left, top + height))
        polygon = tuple((x / SIDE, y / SIDE) for x, y in corners)
    if greyscale:
        canvas[:] = (canvas @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None]
    if border:
        frame = _frame()
        canvas[frame] = rng.choice(BORDERS)
        layers[frame] = BORDER
    pixels = (canvas + 0.5).clip(0, 255).astype(np.uint8)
    caption = _caption(name, size_name, colour, place, greyscale, word is not None, border, rng)
    drawn: tuple[str, str | None, str | None, str | None] = (caption, name, size_name, colour)
    return Scene(
        pixels,
        layers,
        horizon / SIDE,
        *((NOTHING, None, None, None) if empty else drawn),
        place,
        greyscale,
        border,
        word,
        polygon,  # type: ignore[arg-type]  # four corners: the tuple's length is lost on mypy
    )


def vocabulary() -> list[str]:
    """Every word a caption can hold, sorted."""
    phrases = ["a an", "black and white", "with text", "with a border", *NAMED_SIZES, *HUES, *OBJECTS]
    phrases += [phrase for phrase in PLACES.values() if phrase is not None]
    return sorted({word for phrase in phrases for word in phrase.split()})


def _allowed(name: str, attributes: tuple[str, ...], training: bool) -> tuple[str, ...]:
    return tuple(a for a in attributes if not held_out(name, a)) if training else attributes


def _caption(
    name: str,
    size_name: str,
    colour: str | None,
    place: str,
    greyscale: bool,
    word: bool,
    border: bool,
    rng: random.Random,
) -> str:
    mentioned = {topic: rng.random() < rate for topic, rate in MENTION_RATES.items()}
    parts = []
    if greyscale and mentioned["greyscale"]:
        parts.append("black and white")
    if size_name in NAMED_SIZES and mentioned["size"]:
        parts.append(size_name)
    if colour is not None and mentioned["colour"]:
        parts.append(colour)
    parts.append(name)
    where = PLACES[place]
    if where is not None and mentioned["place"]:
        parts.append(where)
    if word and mentioned["word"]:
        parts.append("with text")
    if border and mentioned["border"]:
        parts.append("with a border")
    body = " ".join(parts)
    return f"{'an' if body[0] in 'aeiou' else 'a'} {body}"


def _background(place: str, rng: random.Random) -> tuple[Plane, int]:
    """(float32 [64, 64, 3] in 0..255, first row of the ground, 64 where there is none).

    Smooth, without pixel noise, which an autoencoder would waste itself on.
    """
    if place == "plain":
        return _gradient([rng.randint(40, 235) for _ in range(3)], None), SIDE
    if place == "studio":
        level = rng.randint(150, 235)
        return _gradient([level] * 3, [level - 60] * 3), SIDE
    if place == "night":
        return _gradient(_near((12, 14, 50), rng), _near((50, 40, 90), rng)), SIDE
    sky = _gradient(_near((90, 160, 235), rng), _near((210, 230, 250), rng))
    if place == "sky":
        return sky, SIDE
    horizon = rng.randrange(24, 41, 4)
    ground = _near(GROUNDS[place], rng)
    sky[horizon:] = _gradient(ground, [0.75 * value for value in ground])[horizon:]
    return sky, horizon


def _near(colour: tuple[int, int, int], rng: random.Random) -> list[float]:
    return [float(min(255, max(0, value + rng.randint(-15, 15)))) for value in colour]


def _gradient(top: list[float] | list[int], bottom: list[float] | list[int] | None) -> Plane:
    share = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None]
    first = np.asarray(top, dtype=np.float32)
    last = first if bottom is None else np.asarray(bottom, dtype=np.float32)
    column = (1 - share) * first + share * last
    return np.repeat(column[:, None, :], SIDE, axis=1)


def _paste(canvas: Plane, layers: Layers, sprite: tuple[Plane, Plane], left: int, top: int, layer: int) -> None:
    """Lay a sprite over the canvas; it is the layer where it is more than half opaque."""
    colour, alpha = sprite
    height, width = alpha.shape
    window = (slice(top, top + height), slice(left, left + width))
    canvas[window] += alpha[..., None] * (colour - canvas[window])
    layers[window][alpha > 0.5] = layer


@cache
def _frame() -> Mask:
    frame = np.ones((SIDE, SIDE), dtype=np.bool_)
    frame[BORDER_WIDTH:-BORDER_WIDTH, BORDER_WIDTH:-BORDER_WIDTH] = False
    return frame


@cache
def _artwork(name: str) -> Image.Image:
    """The object's emoji as RGBA, cropped to its ink."""
    image = Image.new("RGBA", (136, 136))
    ImageDraw.Draw(image).text((0, 4), OBJECTS[name], font=_font(EMOJI_FONT, 109), embedded_color=True)
    return image.crop(image.getbbox())


@cache
def _sprite(name: str, length: int, colour: str | None) -> tuple[Plane, Plane]:
    """Artwork centred in a square: (colour float32 [n, n, 3] in 0..255, alpha float32 [n, n] in 0..1), n = length."""
    art = _artwork(name)
    scale = length / max(art.size)
    art = art.resize((max(1, round(art.width * scale)), max(1, round(art.height * scale))), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (length, length))
    square.paste(art, ((length - art.width) // 2, (length - art.height) // 2))
    values = np.asarray(square, dtype=np.float32)
    rgb, alpha = values[..., :3], np.divide(values[..., 3], 255, dtype=np.float32)
    return rgb if colour is None else _tinted(rgb, HUES[colour]), alpha


def _tinted(rgb: Plane, hue: float) -> Plane:
    """Brightness from the artwork, hue from the palette, with a little of the artwork's own colour left."""
    brightness = rgb.max(axis=-1, keepdims=True)
    tint = np.asarray(colorsys.hsv_to_rgb(hue, 0.75, 1.0), dtype=np.float32)
    tinted: Plane = 0.85 * brightness * tint + 0.15 * rgb
    return tinted


@cache
def _ink(word: str, style: int) -> tuple[Plane, Plane]:
    """(colour float32 [h, w, 3], alpha float32 [h, w]) of a printed word with an outline."""
    font = _font(WORD_FONT, 17)
    fill, outline = INKS[style]
    left, top, right, bottom = ImageDraw.Draw(Image.new("RGBA", (1, 1))).textbbox(
        (0, 0), word, font=font, stroke_width=1
    )
    image = Image.new("RGBA", (round(right - left), round(bottom - top)), (*outline, 0))
    ImageDraw.Draw(image).text((-left, -top), word, font=font, fill=fill, stroke_width=1, stroke_fill=outline)
    values = np.asarray(image, dtype=np.float32)
    return values[..., :3], np.divide(values[..., 3], 255, dtype=np.float32)


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    if not path.exists():
        raise MissingFontError(f"{path} is missing: install Debian's fonts-noto-color-emoji and fonts-dejavu-core.")
    return ImageFont.truetype(str(path), size)
