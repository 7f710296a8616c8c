"""Early pictures in a sweep by a distance to real pictures: the trial compares witnesses, each side around its own pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from played_sweep import Embedded, opened, played, publish_real, study

from seedscope.analysis.judging.race.decide import refuse_other_decisions
from seedscope.analysis.judging.race.early_trial import refuse_other_trial, tried
from seedscope.analysis.judging.race.scores import race_scores
from seedscope.analysis.judging.race.table import write_race
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.study.prompts import Prompt

DIMENSIONS = 128
STUDY = {
    "model": "sprout",
    "sampling": {"scheduler": "ddim", "steps": 10, "guidance": {"scale": 0}},
    "seeds": {"among": "0-31", "golden": 4, "budget": 760, "random": 12, "early": {"steps": 0.2}},
    "prompts": [f"thing {i}" for i in range(120)],
    "features": [{"fd_clip": {"model": "sprout-clip"}}],
    "ranking": {"by": "fd_clip", "shuffles": 20},
    "reference": "sprout",
}
OFFS = np.random.default_rng(3).permutation(32) / 31
"""(S,) how far seeds lie from the real pictures."""


def vectors(noise: float, number: int) -> Embedded:
    """What pictures of seeds look like that are so far off, each with noise of its own beside what finished ones have."""

    def embedded(prompt: Prompt, seed: int) -> list[float]:
        of_prompt = np.random.default_rng(int(prompt.id, 16)).normal(size=DIMENSIONS)
        rest = np.random.default_rng([int(prompt.id, 16), seed]).normal(size=DIMENSIONS)
        own = np.random.default_rng([int(prompt.id, 16), seed, number]).normal(size=DIMENSIONS)
        return list(0.5 + OFFS[seed] + 0.5 * of_prompt + 0.5 * rest + noise * own)

    return embedded


def real(prompt: Prompt, _: int) -> list[float]:
    return list(np.random.default_rng([int(prompt.id), 9]).normal(size=DIMENSIONS))


def drawn(prompt: Prompt, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng([int(prompt.id, 16), seed]).integers(0, 255, (8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A sweep whose early pictures are three times as noisy as finished ones, and far from these."""
    folder = tmp_path_factory.mktemp("early distance")
    path = study(folder, **STUDY)
    run = opened(path, folder / "run")
    publish_real(run, real)
    finished, blurred = vectors(0.0, 0), vectors(1.5, 1)
    played(run, finished, drawn, early=lambda prompt, seed: [3.0 + each for each in blurred(prompt, seed)])
    return path, folder / "run"


def found(path: Path, out: Path) -> DrawnRun:
    run = run_of(path, out)
    assert isinstance(run, DrawnRun)
    return run


def test_a_trial_by_a_distance_speaks_for_early_pictures_and_the_nearest_seeds_are_chosen(
    swept: tuple[Path, Path],
) -> None:
    run = found(*swept)
    assert run.race is not None and run.race.golden is not None
    assert [each.early for each in run.race.rounds] == [True, False, False, False]
    trial = run.race.rounds[0].why["trial"]
    assert isinstance(trial, dict) and float(str(trial["correlation"])) > 0.9
    assert {*run.race.golden} == {*np.argsort(OFFS)[:4].tolist()} and run.race.golden[0] == np.argmin(OFFS)
    scores = race_scores(run)
    assert scores.measure == "fd_clip_witness" and {*scores.grid.seeds.tolist()} == {*run.race.rounds[1].seeds}
    rows = pq.read_table(write_race(run)).to_pylist()
    assert len(rows) == 32 and [row["prompts"] for row in rows].count(0) == 16


def test_what_a_trial_is_made_of_names_the_real_pictures_from_the_start(swept: tuple[Path, Path]) -> None:
    """The rules that name them are recorded after the trial: its digest was another one when it was looked at again."""
    run = found(*swept)
    assert run.race is not None
    trial = run.race.rounds[0].why["trial"]
    assert isinstance(trial, dict) and tried(run).scores == trial["scores"]
    # The same scores are never said to have changed, whatever rounding makes of them on another machine.
    otherwise = replace(run.race.rounds[0], why={**run.race.rounds[0].why, "trial": {**trial, "kept": False}})
    refuse_other_trial(replace(run, race=replace(run.race, rounds=(otherwise, *run.race.rounds[1:]))))
    assert not refuse_other_decisions(run, trust_bytes=False)
