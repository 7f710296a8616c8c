"""`seedscope luck` on runs whose scores are made up: what is written, two runs, sweeps, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import command
from made_up_run import made_up, publish_run
from PIL import Image

from seedscope.analysis.experiments.finding import findings, mark_of
from seedscope.analysis.run.opened import run_of

SEEDS, PROMPTS = 16, 6


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs whose seeds have much in common."""
    values = made_up(PROMPTS, SEEDS)
    noise = np.random.default_rng(1).standard_normal((PROMPTS, SEEDS))
    folders = []
    for name, shift in (("one", 0.0), ("other", 0.02)):
        folder = tmp_path_factory.mktemp(name)
        publish_run(folder, values | {"clip_score": values["clip_score"] + shift + 0.01 * noise * bool(shift)})
        folders.append((folder / "run").rename(folder / name))
    return folders[0], folders[1]


def test_a_finding_a_table_and_a_plot_are_written(runs: tuple[Path, Path]) -> None:
    one, _ = runs
    done = command("luck", one, "--seeds", "4", "--difference", "0.05", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    rows = {(row["score"], row["n"]): row for row in pq.read_table(one / "experiments" / "luck.parquet").to_pylist()}
    assert {n for name, n in rows if name == "clip_score"} == {1, 2, 4, 8}
    told = rows["clip_score", 4]
    by_seed = made_up(PROMPTS, SEEDS)["clip_score"].astype(np.float32).mean(axis=0)
    assert told["value"] == pytest.approx(by_seed.mean(), rel=1e-5)
    assert told["common_sd"] == pytest.approx(by_seed.std(ddof=1) / 2, rel=1e-4)
    assert told["common_lo"] < told["value"] < told["common_hi"]
    assert told["common_half_drawn"] == pytest.approx(told["common_half"], rel=0.3)
    assert told["own_by_luck"] < told["common_by_luck"] < told["common_found"]
    assert told["common_needed_lo"] < told["common_needed"] < told["common_needed_hi"]
    assert rows["clip_score", 8]["common_half"] < told["common_half"]
    assert said["tables"][0]["rows"][0][0] == "clip_score" and "another draw of seeds has" in said["sentences"][0]
    with Image.open(one / "experiments" / "luck.png") as page:
        assert page.width > 700
    run = run_of(one)
    assert [each.name for each in findings(run.folder, mark_of(run))[0]] == ["luck"]


def test_two_runs_are_judged_with_the_same_seeds_and_with_others(runs: tuple[Path, Path]) -> None:
    one, other = runs
    done = command("luck", one, other, "--measure", "clip_score")
    assert done.returncode == 0, done.stderr
    assert "one less other is" in " ".join(done.stdout.split()) and "more than luck" in " ".join(done.stdout.split())
    (told,) = [row for row in pq.read_table(one / "experiments" / "luck-of-two.parquet").to_pylist() if row["n"] == 4]
    assert told["value"] == pytest.approx(-0.02, abs=0.005)
    assert told["paired_common_by_luck"] < 0.3 * told["unpaired_common_by_luck"]
    assert told["paired_common_sd_drawn"] == pytest.approx(told["paired_common_sd"], rel=0.3)


def test_mistakes_are_sentences(runs: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = runs
    publish_run(tmp_path, made_up(4, 3))
    folder = tmp_path / "run"
    for arguments, words in (
        ((one, "--seeds", "40"), "Name more `seeds` in the study"),
        ((one, "--measure", "clip"), "has no such score. It has: clip_score"),
        ((one, "--difference", "0"), "--difference 0: is the size of a difference"),
        ((one, one), "Name one run, or two different ones"),
        ((one, other, folder), "Name one run, or two different ones"),
        ((folder,), "3 seeds; the luck of draws of 4 takes 4 or more"),
        ((one, folder), "have 3 seeds in common"),
    ):
        done = command("luck", *arguments)
        assert done.returncode == 2 and words in " ".join(done.stderr.split()), done.stderr


def test_more_than_half_of_the_seeds_are_told_by_variances_alone(runs: tuple[Path, Path]) -> None:
    done = command("luck", runs[0], "--seeds", "12")
    assert done.returncode == 0 and "Told by variances alone" in " ".join(done.stdout.split())


def test_runs_of_other_prompts_are_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    values = made_up(3, SEEDS)
    publish_run(tmp_path, values, prompts=["a pear", "a plum", "a fig"])
    done = command("luck", runs[0], tmp_path / "run")
    assert done.returncode == 2 and "have no prompt in common" in " ".join(done.stderr.split())
