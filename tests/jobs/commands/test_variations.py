"""`seedscope variations` on the bundled one-step model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from PIL import Image

from seedscope.analysis.features.efficientnet_lite0 import EfficientNetLite0
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.draw_changed import Drawn, draw_changed, some_prompts
from seedscope.jobs.planning.draw_variations import variation_seeds, variations_of

STUDY = {
    "name": "v",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "prompts": [{"grid": {"objects": ["cat", "car", "rose", "bus"]}}],
    "seeds": "0-3",
}


def written(folder: Path, **more: object) -> Path:
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY | more))
    return file


def test_a_table_and_a_sheet_are_written(tmp_path: Path) -> None:
    study = written(tmp_path)
    done = command("variations", study, "--out", tmp_path / "run", "--seeds", "3", "--prompts", "2", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    table = pq.read_table(tmp_path / "run" / "variations.parquet")
    assert sorted(table["seed"].to_pylist()) == [0, 1, 2] and said["seeds"] == table.to_pylist()
    ordered = table["distance"].to_numpy()
    assert (np.diff(ordered) >= 0).all()
    rising = np.stack([table[f"at_{strength}"].to_numpy() for strength in ("0.05", "0.3", "1")])
    assert (rising[0] < rising[1]).all() and (rising[0] < rising[2]).all() and (rising[0] > 0).all()
    assert Image.open(tmp_path / "run" / "variations.png").width > 900
    assert Image.open(tmp_path / "run" / "variations_curves.png").width > 500
    assert not (tmp_path / "run" / ".variations").exists()
    assert "style_efficientnet_lite0" in said["sentences"][0] and "Over 2 prompts in 2 groups" in said["sentences"][1]


def test_the_ends_are_the_seed_itself_and_the_prompts_variation_seed(tmp_path: Path) -> None:
    run = run_of(written(tmp_path), tmp_path / "run")
    assert isinstance(run, DrawnRun)
    prompts = some_prompts(run.wanted.prompts, 2)
    assert [item.group for item in prompts] == ["cat", "bus"]
    ends = variation_seeds(run.wanted.seeds, 2)
    assert ends == [4, 5]

    def drawn_of(which: DrawnRun, seeds: list[int], strength: float) -> Drawn:
        changes = variations_of(which, len(prompts), [strength])
        return draw_changed(which, EfficientNetLite0(), seeds, prompts, changes, tmp_path / "kept")

    drawn = drawn_of(run, [0, 1], 1.0)
    other = run_of(written(tmp_path, seeds=ends), tmp_path / "other")
    assert isinstance(other, DrawnRun)
    its_own = drawn_of(other, ends, 0.5)
    assert np.abs(drawn.vectors[1, 0] - its_own.vectors[0, 0, 0]).max() < 1e-3
    assert np.abs(drawn.vectors[1, 1] - its_own.vectors[0, 1, 1]).max() < 1e-3
    assert np.abs(drawn.vectors[0, 0] - its_own.vectors[0, 0, 0]).max() > 0.1
    (own, end), (first, _) = drawn.pictures[1], its_own.pictures[0]
    assert own is not None and end is not None and first is not None
    assert np.abs(own.astype(int) - first).max() <= 1 and np.abs(end.astype(int) - first).max() <= 1


@pytest.mark.parametrize(
    ("more", "options", "said"),
    [
        (
            {"noise": {"variation": {"seed": 3, "strength": 0.1}}},
            (),
            "noise.variation: the study's noise is varied already",
        ),
        ({}, ("--by", "looks"), "--by looks: gives no vector of a picture"),
        ({}, ("--by", "stile"), "no feature is called 'stile'"),
        ({"seeds": [3]}, (), "seeds are compared with each other over prompts"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, more: dict[str, object], options: tuple[str, ...], said: str
) -> None:
    done = command("variations", written(tmp_path, **more), "--out", tmp_path / "run", *options)
    assert done.returncode == 2 and said in " ".join(done.stderr.split())
