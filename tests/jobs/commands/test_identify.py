"""`seedscope identify` on a run of the bundled one-step model."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import yaml
from commands import command
from PIL import Image

STUDY = {
    "name": "told",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "prompts": [{"grid": {"objects": ["cat", "car", "rose", "bus", "tree", "cow"]}}],
    "seeds": "0-3",
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score"},
}


def test_a_finding_a_table_and_a_sheet_are_written(tmp_path: Path) -> None:
    study, run = tmp_path / "study.yaml", tmp_path / "run"
    study.write_text(yaml.safe_dump(STUDY))
    early = command("identify", study, "--out", run)
    assert early.returncode == 2 and "1 of 1 units have no pictures yet. `seedscope run` makes them." in early.stderr
    for step in ("generate", "features"):
        assert command(step, study, "--out", run, "--executor", "inline", "--threads", "1").returncode == 0
    done = command("identify", study, "--out", run, "--minutes", "5", "--epochs", "1", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    told = {row[0]: row[1] for row in said["tables"][0]["rows"]}
    assert {"whole pictures", "shuffled labels", "measurements of the run, linear", "whole pictures, grey"} <= set(told)
    assert "whole pictures, object masked" not in told, "objects were not measured"
    rows = pq.read_table(run / "experiments" / "identify.parquet")
    assert rows["seed"].to_pylist() == [0, 1, 2, 3]
    assert all(abs(sum(row) - 1) < 1e-4 for row in rows["taken_for"].to_pylist())
    with Image.open(run / "experiments" / "identify.png") as sheet:
        assert sheet.width == 1180
    kept = sorted(file.name for file in (run / "experiments" / ".identify").iterdir())
    assert "whole.pt" in kept and not [name for name in kept if name.startswith("pictures")]


def test_too_few_groups_are_told_in_a_sentence(tmp_path: Path) -> None:
    study, run = tmp_path / "study.yaml", tmp_path / "run"
    study.write_text(yaml.safe_dump(STUDY | {"prompts": ["a cat", "a car", "a rose"]}))
    assert command("generate", study, "--out", run, "--executor", "inline", "--threads", "1").returncode == 0
    done = command("identify", study, "--out", run)
    assert done.returncode == 2 and "the prompts stand in 3 groups" in done.stderr
