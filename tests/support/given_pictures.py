"""Small pictures with masks, for studies that inpaint."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 64, height: int = 64) -> Image.Image:
    """A smooth random picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def mask(left: int, top: int, right: int, bottom: int, width: int = 64, height: int = 64) -> Image.Image:
    """White in a box, black elsewhere; of the mode L."""
    values = np.zeros((height, width), np.uint8)
    values[top:bottom, left:right] = 255
    return Image.fromarray(values)


def save(folder: Path, name: str, image: Image.Image, hole: Image.Image, word: str | None = None) -> None:
    """Put a picture and its mask into a folder, and the object's word into its table."""
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / f"{name}.png")
    hole.save(folder / f"{name}.mask.png")
    table = folder / "objects.csv"
    lines = table.read_text() if table.exists() else "file,object\n"
    table.write_text(lines + (f"{name}.png,{word}\n" if word else ""))
