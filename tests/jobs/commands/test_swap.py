"""`seedscope swap` on the bundled model in two steps."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from PIL import Image

from seedscope.analysis.run.beside import EXPERIMENTS
from seedscope.jobs.commands.swap import _different
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import decode

STUDY = {
    "name": "s",
    "model": "sprout",
    "sampling": {"steps": 2, "guidance": {"scale": 1.0}},
    "compute": {"device": "cpu", "batch_size": 9},
    "prompts": [{"grid": {"objects": ["cat", "car", "rose"]}}],
    "seeds": "0-3",
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score"},
}
SMALL = ("--executor", "inline", "--threads", "1", "--seeds", "3", "--step-seeds", "3", "--prompts", "3")


def written(folder: Path, **more: object) -> Path:
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY | more))
    return file


def test_shares_curves_and_a_proof_of_zero_and_nothing_is_made_twice(tmp_path: Path) -> None:
    study, run = written(tmp_path), tmp_path / "run"
    done = command("swap", study, "--out", run, *SMALL, "--samplers", "own, ddim 1", "--json")
    assert done.returncode == 0, done.stderr
    finding = json.loads(done.stdout)
    assert finding["name"] == "swap" and "own: zero by construction" in finding["sentences"][0]
    assert finding["settings"]["pictures"] == 45 and finding["settings"]["samplers"] == "own, ddim 1"
    assert any("LPIPS" in line for line in finding["sentences"])
    table = pq.read_table(run / EXPERIMENTS / "swap.parquet").to_pylist()
    zero = [row for row in table if row["sampler"] == "own"]
    assert {row["share"] for row in zero} == {0.0} and len(zero) == 2
    later = {row["measurement"]: row["share"] for row in table if row["component"] == "later" and row not in zero}
    assert later["looks_brightness"] > 0 and "clip_score" in later
    assert Image.open(run / EXPERIMENTS / "swap.png").width > 700
    assert_swapped(next((run / EXPERIMENTS).glob("swap-ddim-1-*")))

    before = {path: path.stat().st_mtime_ns for path in (run / EXPERIMENTS).rglob("images-*/0*.parquet")}
    again = command("swap", study, "--out", run, *SMALL, "--samplers", "own, ddim 1")
    assert again.returncode == 0 and "zero by construction" in " ".join(again.stdout.split())
    assert "images: 1 units, 0 made now" in again.stdout and "images: 2" not in again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before and before


def test_failed_pictures_prove_nothing() -> None:
    drawn, failed = {"image": {"bytes": b"a"}, "error": None}, {"image": None, "error": "not finite"}
    assert _different([drawn, drawn], "s") == {b"a"}
    for rows in ([failed, failed], [drawn, failed]):
        with pytest.raises(UserError, match=r"of the 2 pictures that show .* failed \(not finite\): set"):
            _different(rows, "s")


def assert_swapped(folder: Path) -> None:
    """(a, a) is the plain picture of a, whatever the step; (a, b) is another; and the rows say what they are."""
    (images,) = folder.glob("images-*")
    rows = [row for shard in sorted(images.glob("*.parquet")) for row in pq.read_table(shard).to_pylist()]
    assert len(rows) == 45
    found = {
        (row["prompt"], row["seed"], row["step_seed"], row["from_step"]): decode(row["image"]["bytes"]).astype(int)
        for row in rows
    }
    turns = {row["prompt"]: row["step_seed"] for row in rows if row["from_step"] == 2}
    assert sorted(turns.values()) == [0, 1, 2]
    for prompt, turn in turns.items():
        for seed in (0, 1, 2):
            plain = found[prompt, seed, turn, 2]
            assert np.abs(found[prompt, seed, seed, 0] - plain).max() <= 1
            assert np.abs(found[prompt, seed, (seed + 1) % 3, 0] - plain).max() > 8
        assert np.abs(found[prompt, turn, turn, 1] - found[prompt, turn, turn, 0]).max() <= 1


@pytest.mark.parametrize(
    ("more", "options", "said"),
    [
        ({"seeds": "0-1"}, (), "has 2 seed(s) and 3 prompt(s) in 3 group(s)"),
        (
            {"prompts": [{"grid": {"objects": ["cat"], "modifiers": ["{object}", "a {object}", "one {object}"]}}]},
            (),
            "1 group",
        ),
        ({"task": {"swap": {"step_seeds": "0-3"}}}, (), "draws by `swap`"),
        ({}, ("--by", "looks"), "--by looks: is no feature of this study that gives a vector"),
        ({}, ("--samplers", "dddim"), "--samplers dddim: scheduler"),
        ({}, ("--samplers", "euler 1"), "sampling.eta: has no effect on EulerDiscreteScheduler"),
    ],
)
def test_what_cannot_be_swapped_is_said_before_anything_is_drawn(
    tmp_path: Path, more: dict[str, object], options: tuple[str, ...], said: str
) -> None:
    done = command("swap", written(tmp_path, **more), "--out", tmp_path / "run", *options)
    assert done.returncode == 2 and said in " ".join(done.stderr.split())
    assert not list(tmp_path.rglob("*.parquet"))
