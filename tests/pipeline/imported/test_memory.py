"""Memory that an import takes: that of one large picture, however many there are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedscope.pipeline.images import LARGE

SIDE = 2900
FEW, MANY = 1, 3
MOST = 280
"""MB. The program and its libraries take 170, and one picture of that side as it is decoded 34."""
IMPORT = """
import json, sys
from pathlib import Path
from seedscope.pipeline.imported import importing
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.running.runner import Executor, Unwatched
from seedscope.pipeline.tables.run_folder import RunFolder
run = ImportedRun(RunFolder(Path(sys.argv[2])))
placing, report = importing.survey(Path(sys.argv[1]), run)
importing.bring_in(placing, report, run, Executor("inline"), Unwatched())
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"peak": peak, "cells": report.cells, "failed": report.failed, "torch": "torch" in sys.modules}))
"""


def imported(folder: Path, picture: Path, count: int) -> dict[str, float]:
    """Import a picture under so many names, in a process of its own."""
    pictures = folder / f"{count}"
    pictures.mkdir()
    for seed in range(count):
        os.link(picture, pictures / f"{seed}.png")
    rows = "".join(f"{seed}.png,a cat,{seed}\n" for seed in range(count))
    (pictures / "seeds.csv").write_text(f"file,prompt,seed\n{rows}")
    command = [sys.executable, "-c", IMPORT, str(pictures), str(folder / f"run{count}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_three_times_as_many_large_pictures_take_no_more_memory(tmp_path: Path) -> None:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    noisy = SIDE * 7 // 10  # each such picture ends a row group
    pixels[:noisy] = np.random.default_rng(0).integers(0, 256, (noisy, SIDE, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png", compress_level=0)
    assert SIDE * SIDE > LARGE
    few, many = (imported(tmp_path, tmp_path / "picture.png", count) for count in (FEW, MANY))
    assert (few["cells"], many["cells"], few["failed"], many["failed"]) == (FEW, MANY, 0, 0)
    assert not many["torch"]
    assert many["peak"] < few["peak"] + 30
    assert max(few["peak"], many["peak"]) < MOST
