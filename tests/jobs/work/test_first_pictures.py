"""The first pictures of a run are shown while the rest is drawn, once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from commands import command
from PIL import Image

from seedscope.analysis.run.opened import opened
from seedscope.jobs.work.first_pictures import FirstPictures

Write = Callable[..., Path]


def test_the_first_unit_that_is_drawn_is_shown_and_no_later_one(write_study: Write, tmp_path: Path) -> None:
    study, out = write_study(), tmp_path / "run"
    sheet = out / "first_pictures.png"
    done = command("generate", study, "--out", out, "--executor", "inline", "--limit", "1")
    assert done.returncode == 0 and f"first pictures: {sheet}" in done.stderr
    shown = np.asarray(Image.open(sheet))
    assert shown.ndim == 3 and shown.std() > 10, "pictures, and not an empty page"
    before = sheet.stat().st_mtime_ns
    done = command("generate", study, "--out", out, "--executor", "inline")
    assert done.returncode == 0 and "first pictures" not in done.stderr and sheet.stat().st_mtime_ns == before


def test_what_cannot_be_shown_stops_nothing(write_study: Write, tmp_path: Path) -> None:
    with opened(write_study(), tmp_path / "run") as run:
        look = FirstPictures(run)
        assert look("features", run.units[0]) is None
        assert look("images", run.units[0]) is None, "its shard is not there"
        assert not (tmp_path / "run" / "first_pictures.png").exists()
