"""The first pictures that a command draws, as a sheet: is it what the study is to draw? The rest comes later."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.analysis.sheets.picture_grid import picture_grid
from seedscope.pipeline.errors import CorruptShard, StorageError
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.plan import Unit

SEEDS, PROMPTS = 4, 6
"""Rows and columns of the sheet, at most."""
STAGE = "images"


class FirstPictures:
    """Of a run that has no pictures yet: tells once, of the first unit that is drawn, where its sheet lies.

    Call it with a stage for what takes each unit that the stage has made, and says something of it, or nothing.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waits = run.folder.storage.local is not None and not run.images.committed()

    def __call__(self, stage: str, unit: Unit) -> str | None:
        if not self._waits or stage != STAGE:
            return None
        self._waits = False
        try:
            return f"first pictures: {write_first_pictures(self._run, unit)}"
        except (CorruptShard, StorageError):  # the run itself says what is wrong with its folder
            return None


def write_first_pictures(run: Run, unit: Unit) -> Path:
    """Write `first_pictures.png`, a row a seed and a column a prompt of a unit that is drawn; return its path.

    Raises:
        CorruptShard: a picture cannot be read.
        StorageError: the folder cannot be written, or is full.
    """
    pictures = RunPictures(run.images, [unit])
    prompts = evenly(unit.prompts, PROMPTS)
    rows = [(f"seed {seed}", [_picture(pictures(seed, each.id)) for each in prompts]) for seed in unit.seeds[:SEEDS]]
    path = run.folder.path / "first_pictures.png"
    with replacing(path) as scratch:
        picture_grid(rows, [prompt.text for prompt in prompts]).save(scratch, format="png")
    return path


def _picture(pixels: Pixels | None) -> Image.Image | None:
    return None if pixels is None else Image.fromarray(pixels)
