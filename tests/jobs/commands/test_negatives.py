"""`seedscope negatives` on the bundled model in two steps."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from PIL import Image

from seedscope.analysis.run.beside import EXPERIMENTS
from seedscope.pipeline.images import decode

STUDY = {
    "name": "n",
    "model": "sprout",
    "sampling": {"steps": 2, "guidance": {"scale": 3.0}},
    "compute": {"device": "cpu", "batch_size": 18},
    "prompts": ["a cat"],
    "seeds": "0-3",
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score"},
}
PAIRS = "prompt,negative,word\na cat,grass,cat\na car,red,car\na rose,snow,rose\n"
SMALL = ("--executor", "inline", "--threads", "1", "--seeds", "3")


def written(folder: Path, pairs: str = PAIRS, **more: object) -> tuple[Path, ...]:
    (folder / "pairs.csv").write_text(pairs)
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | more))
    return folder / "study.yaml", Path("--pairs"), folder / "pairs.csv"


def test_curves_and_a_table_are_written_and_nothing_is_made_twice(tmp_path: Path) -> None:
    given, run = written(tmp_path), tmp_path / "run"
    done = command("negatives", *given, "--out", run, *SMALL, "--null-word", "key", "--onsets", "0", "--json")
    assert done.returncode == 0, done.stderr
    finding = json.loads(done.stdout)
    assert finding["name"] == "negatives" and finding["settings"]["pictures"] == 36
    assert finding["settings"]["onsets"] == "0, 2" and "by clip_score" in finding["sentences"][0]
    assert any("whole picture, for the study measures no layout" in line for line in finding["sentences"])
    rows = pq.read_table(run / EXPERIMENTS / "negatives.parquet").to_pylist()
    never = [row["mean"] for row in rows if row["step"] == 2 and row["measure"] != "r"]
    assert len(never) == 18 and set(never) == {0.0}
    strong = [row["mean"] for row in rows if row["measure"] == "r" and row["kind"] == "negative"]
    assert len(strong) == 2 + 3 * 2 and min(strong) > 0
    assert Image.open(run / EXPERIMENTS / "negatives.png").width > 700
    assert_given(next((run / EXPERIMENTS).glob("negatives-0-*")))

    again = command("negatives", *given, "--out", run, *SMALL, "--null-word", "key", "--onsets", "0")
    assert again.returncode == 0, again.stderr
    for stage in ("images", "features", "attention"):
        assert f"{stage}: 1 units, 0 made now" in again.stdout


def assert_given(folder: Path) -> None:
    """Rows say what was given; the same prompt and seed with another negative prompt is another picture."""
    (images,) = folder.glob("images-*")
    rows = [row for shard in sorted(images.glob("*.parquet")) for row in pq.read_table(shard).to_pylist()]
    assert len(rows) == 18 and {row["unwanted"] for row in rows} == {"grass", "red", "snow"}
    found = {(row["prompt"], row["seed"], row["negative"]): decode(row["image"]["bytes"]).astype(int) for row in rows}
    assert np.abs(found["a cat", 0, "grass"] - found["a cat", 0, "key"]).max() > 8


@pytest.mark.parametrize(
    ("more", "options", "said"),
    [
        ({"pairs": "prompt,negative,word,null\na cat,grass,dog,key\n"}, (), "the word 'dog' is not in its prompt"),
        ({"pairs": "prompt,negative,word\n"}, (), "has no pairs in it"),
        ({}, (), "has no unrelated word to compare with"),
        ({}, ("--null-word", "zebra"), "'zebra': is not a word that this model's tokenizer knows"),
        ({}, ("--null-word", "key", "--onsets", "0,2"), "--onsets 0,2: '2' is no step from 0 to 1"),
        ({}, ("--null-word", "key", "--by", "looks"), "--by looks: is no feature of this study"),
        ({"features": ["fd_efficientnet_lite0"], "ranking": {}}, (), "Add `clip_score` to its features"),
        ({"seeds": "0-1"}, ("--null-word", "key"), "3 group(s) of pairs and 2 of 8 seed(s)"),
        (
            {"pairs": "prompt,negative,word\na cat,grass,cat\na cat,red,cat\na cat,snow,cat\n"},
            ("--null-word", "key"),
            "1 group(s) of pairs",
        ),
        ({"sampling": {"steps": 1, "guidance": {"scale": 3.0}}}, (), "makes one step"),
        ({"sampling": {"steps": 2, "guidance": {"scale": 1.0}}}, (), "a negative prompt has no effect"),
        ({"task": {"swap": {"step_seeds": "0-3"}}}, (), "draws by `swap`"),
    ],
)
def test_what_cannot_be_tried_is_said_before_anything_is_drawn(
    tmp_path: Path, more: dict[str, object], options: tuple[str, ...], said: str
) -> None:
    done = command("negatives", *written(tmp_path, **more), "--out", tmp_path / "run", *options)  # type: ignore[arg-type]  # pairs is text
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr
    assert not list(tmp_path.rglob("*.parquet"))
