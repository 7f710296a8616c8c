"""`seedscope table guidance` on the bundled model in a few steps: what is drawn anew, beside a run that is made up or drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import command
from finished_runs import made
from imported_runs import imported_run
from made_up_run import publish_run
from PIL import Image

CLIP = {"clip_score": {"model": "sprout-clip"}}
SAMPLING = {"steps": 4, "guidance": {"scale": 3.0}}
RULE = {"by": "clip_score", "golden": 2, "rule": "top", "shuffles": 20}
WHERE = ("--executor", "inline", "--threads", "1")
OBJECTS = ["cat", "car", "rose", "bus", "fish", "house", "key", "cow"]


def made_up(folder: Path, seeds: int = 20, **changes: Any) -> Path:
    """Seeds 3 and 5 are better by three standard deviations within prompts; all plain pictures are of one colour."""
    rng = np.random.default_rng(2)
    values = 0.3 + 0.1 * rng.standard_normal((8, seeds))
    values[:, [3, 5]] += 0.3
    same = {"model": "sprout", "sampling": SAMPLING, "features": [CLIP], "ranking": RULE}
    return publish_run(folder, {"clip_score": values}, **(same | changes))


def asked(study: Path, *more: object) -> tuple[object, ...]:
    return "table", "guidance", study, "--out", study.parent / "run", *more


def test_guided_pictures_are_drawn_and_gain_and_towards_another_text_do_not(tmp_path: Path) -> None:
    study = made(
        tmp_path,
        {
            "name": "g",
            "model": "sprout",
            "sampling": SAMPLING,
            "compute": {"device": "cpu"},
            "prompts": [{"grid": {"objects": OBJECTS}}],
            "seeds": "0-2",
            "unit": {"prompts": 8, "seeds": 3},
            "features": [CLIP, "looks"],
            "ranking": {"by": "clip_score"},
        },
    )
    done = command(*asked(study, *WHERE, "--strengths", "0.5", "--seeds", "3", "--json"))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    table = pq.read_table(tmp_path / "run" / "experiments" / "table-guidance.parquet").to_pylist()
    of = {(row["measure"], row["way"]): row for row in table}
    guided, null = of["clip_score", "towards the prompt, 0.5"], of["clip_score", "towards another text, 0.5"]
    assert guided["less_plain"] > 0 and null["less_plain"] < guided["less_plain"] / 2
    assert guided["cost"] > 1 and guided["prompts"] == 4 and ("clip_score", "best of 4") not in of
    assert {row["measure"] for row in table} >= {"clip_score", "looks_sharpness"}
    text = " ".join(said["sentences"])
    assert "Guide and judge are the same: clip_score" in text and "whether they are better is not told" in text
    assert "Not told: golden seeds: " in text
    assert Image.open(tmp_path / "run" / "experiments" / "table-guidance.png").width > 500
    again = command(*asked(study, *WHERE, "--strengths", "0.5", "--seeds", "3"))
    assert again.returncode == 0 and again.stdout.count("images: 1 units, 0 made now") == 2


def test_golden_seeds_the_best_of_n_and_a_negative_prompt_stand_beside(tmp_path: Path) -> None:
    study = made_up(tmp_path)
    more = ("--strengths", "0.5", "--seeds", "1", "--prompts", "3", "--through", "decoder", "--negative", "grass")
    done = command(*asked(study, *WHERE, *more, "--json"))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    rows = pq.read_table(tmp_path / "run" / "experiments" / "table-guidance.parquet").to_pylist()
    of = {row["way"]: row for row in rows}
    assert of["golden seeds"]["less_plain_lo"] > 0.1 and of["golden seeds"]["cost"] == 1
    best = [of[f"best of {n}"]["less_plain"] for n in (2, 4, 8)]
    assert 0 < best[0] < best[1] < best[2]
    # Receipts that are made up tell of no time.
    assert of["negative prompt"]["cost"] is None and of["towards the prompt, 0.5"]["less_best"] is None
    text = " ".join(said["sentences"])
    assert "Golden are the 2 best of 20 seeds by clip_score" in text and "With the negative prompt 'grass'" in text
    assert "the cost of negative prompt: receipts do not say how long pictures took" in text
    assert said["settings"]["pictures"] == 9


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"sampling": {"steps": 1, "guidance": {"scale": 3.0}}}, (), "makes one step"),
        ({}, ("--by", "nothing"), "--by nothing: is no measurement of this study with a good direction"),
        ({}, ("--guide", "sprout-clop"), "there is no model 'sprout-clop'"),
        ({}, ("--strengths", "x"), "--strengths x: name numbers from 0 to 100"),
        (
            {"sampling": {"steps": 2, "guidance": {"scale": 1.0}}},
            ("--negative", "x"),
            "at which a negative prompt has no",
        ),
        (
            {"sampling": {"steps": 2, "guidance": {"similarity": {"to": {"text": "a cat"}, "by": "sprout-clip"}}}},
            (),
            "are guided by similarity already",
        ),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(
    tmp_path: Path, changes: dict[str, Any], options: tuple[str, ...], said: str
) -> None:
    study = made_up(tmp_path, **changes)
    done = command(*asked(study, *options))
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr
    assert not list((tmp_path / "run" / "experiments").glob("**/*.parquet"))


def test_imported_pictures_and_help(tmp_path: Path) -> None:
    done = command("table", "guidance", imported_run(tmp_path))
    assert done.returncode == 2 and "its pictures were imported" in " ".join(done.stderr.split())
    assert "Example: seedscope table guidance" in " ".join(command("table", "guidance", "--help").stdout.split())
