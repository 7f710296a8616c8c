"""A run of pictures made elsewhere."""

from pathlib import Path

import foreign_pictures as foreign
import yaml
from commands import command, small_reference

from seedscope.analysis.features.real_images import RealImages
from seedscope.pipeline.images import decode


def imported_run(tmp_path: Path) -> Path:
    """The study file of a run of 4 prompts x 3 seeds of real pictures, of which one cell has none."""
    source = RealImages.named("sprout")
    real = source.read(source.units()[0])["image"].to_pylist()
    for number in range(12):
        if number != 7:
            text = foreign.infotext(f"prompt {number // 3}", number % 3 * 100, "", Size="64x64")
            pixels = decode(real[number]["bytes"])
            foreign.png(tmp_path / "pictures" / f"{number}.png", {"parameters": text}, pixels)
    compared = ("--reference", small_reference(tmp_path))
    done = command("import", tmp_path / "pictures", "--out", tmp_path / "run", *compared)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "run" / "study.yaml"
    study = yaml.safe_load(path.read_text())
    features = ["fd_efficientnet_lite0"]  # the cheapest that ranks
    path.write_text(yaml.safe_dump(study | {"features": features, "ranking": {"shuffles": 0}}))
    return path
