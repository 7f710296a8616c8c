"""`seedscope table golden`: on a half of made-up scores, and on other prompts, which are drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import command
from imported_runs import imported_run
from made_up_run import OBJECTS, publish_run
from PIL import Image

from seedscope.analysis.experiments.finding import findings, mark_of
from seedscope.analysis.run.opened import run_of

CLIP = {"clip_score": {"model": "sprout-clip"}}
RULE = {"by": "clip_score", "golden": 2, "rule": "top", "shuffles": 20}


def study_of(folder: Path, better: float, seeds: int = 20, prompts: int = 8) -> Path:
    """Seeds 3 and 5 are better by so many standard deviations within prompts."""
    rng = np.random.default_rng(2)
    values = 0.3 + 0.1 * rng.standard_normal((prompts, seeds))
    values[:, [3, 5]] += 0.1 * better
    return publish_run(folder, {"clip_score": values}, features=[CLIP], ranking=RULE)


def test_the_best_of_a_half_are_found_better_on_the_other(tmp_path: Path) -> None:
    study = study_of(tmp_path, better=3.0)
    done = command("table", "golden", study, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["sentences"][0].startswith("Golden are the 2 best of 20 seeds by clip_score on the other 4 prompts")
    assert "all 18 other seeds" in said["sentences"][0] and "Golden seeds are better." in said["sentences"][1]
    row = pq.read_table(tmp_path / "run" / "experiments" / "table-golden.parquet").to_pylist()[0]
    assert row["measure"] == "clip_score" and (row["prompts"], row["groups"], row["random_seeds"]) == (4, 4, 18)
    assert 0.0 < row["golden_less_lo"] < 0.3 < row["golden_less_hi"] + 0.1 and row["best_of"] > 4
    assert row["golden"] - row["random"] == pytest.approx(row["golden_less"]) and row["worst"] < row["golden"]
    assert len(row["best_of_curve"]) == 18
    assert Image.open(tmp_path / "run" / "experiments" / "table-golden.png").width > 600
    run = run_of(study, tmp_path / "run")
    found, silent = findings(run.folder, mark_of(run))
    assert [finding.name for finding in found] == ["table-golden"] and not silent


def test_other_prompts_are_drawn_and_those_that_were_seen_left_out(tmp_path: Path) -> None:
    study = study_of(tmp_path, better=3.0)
    other = tmp_path / "My other.csv"
    texts = ["a cow", "a frog", "a pig", "a house", f"a {OBJECTS[0]}"]
    other.write_text("prompt,group\n" + "".join(f"{text},{text[2:]}\n" for text in texts))
    options = (
        "--out",
        tmp_path / "run",
        "--prompts",
        other,
        "--random",
        "16",
        "--executor",
        "inline",
        "--threads",
        "1",
    )
    done = command("table", "golden", study, *options, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "1 of 5 prompts are left out" in done.stderr and said["name"] == "table-golden-my-other"
    assert "16 of the 18 other seeds" in said["sentences"][0]
    assert said["settings"]["prompts"] == 4 and said["settings"]["new pictures"] in range(4 * 18, 4 * 20 + 1)
    again = command("table", "golden", study, *options)
    assert again.returncode == 0 and "made now" in again.stdout and " 0 made now" in again.stdout
    table = pq.read_table(tmp_path / "run" / "experiments" / "table-golden-my-other.parquet").to_pylist()
    assert [row["measure"] for row in table] == ["clip_score"] and table[0]["prompts"] == 4


def test_what_cannot_be_done_is_said_before_any_work(tmp_path: Path) -> None:
    study = study_of(tmp_path, better=0.0)
    seen = tmp_path / "seen.txt"
    seen.write_text("".join(f"a {name}\n" for name in OBJECTS))
    few = tmp_path / "few.txt"
    few.write_text("a cow\na frog\n")
    for options, sentence in [
        (("--prompts", seen), "of its 8 prompts 0 took no part in choosing"),
        (("--prompts", few), "in 2 group(s), and at least 4 are needed"),
        (("--prompts", tmp_path / "none.txt"), "there is no such prompt file"),
        (("--prompts", tmp_path / "none.yaml"), "there is no such study file"),
        (("--best", "5"), "5 golden of 20 seeds with a rank leave 15 random ones"),
    ]:
        done = command("table", "golden", study, "--out", tmp_path / "run", *options)
        assert done.returncode == 2 and sentence in " ".join(done.stderr.split()), done.stderr
    assert not (tmp_path / "run" / "experiments").exists()


def test_too_few_groups_and_pictures_that_no_model_draws(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    small = study_of(tmp_path / "small", better=0.0, prompts=6)
    done = command("table", "golden", small, "--out", tmp_path / "small" / "run")
    assert done.returncode == 2 and "has 3 group(s)" in " ".join(done.stderr.split())
    few = tmp_path / "few.txt"
    few.write_text("a cow\na frog\n")
    done = command("table", "golden", imported_run(tmp_path), "--prompts", few)
    assert done.returncode == 2 and "its pictures were imported" in " ".join(done.stderr.split())


def test_no_golden_seed_is_said_with_the_way_round(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    values = {"clip_score": 0.3 + 0.1 * rng.standard_normal((8, 20))}
    study = publish_run(tmp_path, values, features=[CLIP], ranking=RULE | {"rule": "confirmed"})
    other = tmp_path / "other.txt"
    other.write_text("a cow\na frog\na pig\na house\n")
    done = command("table", "golden", study, "--out", tmp_path / "run", "--prompts", other)
    assert (
        done.returncode == 2
        and "no seed is golden" in done.stderr
        and "`--best 4` takes" in " ".join(done.stderr.split())
    )


def test_pictures_that_failed_leave_their_prompts_out_and_may_leave_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    values = 0.3 + 0.1 * rng.standard_normal((8, 20))
    for prompts, sentence in [(1, ""), (8, "of no measure with a good direction there are values of all 20 seeds")]:
        folder = tmp_path / str(prompts)
        folder.mkdir()
        values[np.arange(prompts), np.arange(prompts)] = np.nan
        study = publish_run(folder, {"clip_score": values}, features=[CLIP], ranking=RULE)
        done = command("table", "golden", study, "--out", folder / "run")
        assert (done.returncode == 2) == bool(sentence) and sentence in " ".join(done.stderr.split()), done.stderr


def test_help_has_an_example() -> None:
    done = command("table", "golden", "--help")
    assert done.returncode == 0 and "Example: seedscope table golden" in " ".join(done.stdout.split())
