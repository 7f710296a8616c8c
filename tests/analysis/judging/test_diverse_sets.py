"""Diverse seeds of a run: one of broken pictures, which lies far from all others, is left out and named."""

from pathlib import Path

import numpy as np
from made_up_run import made_up, publish_run

from seedscope.analysis.judging.diverse_sets import diverse_measures, diverse_sets
from seedscope.analysis.run.opened import run_of
from seedscope.jobs.commands.diverse import _describe
from seedscope.pipeline.images import Pixels

PROMPTS, SEEDS = 8, 10


def picture(prompt: int, seed: int) -> Pixels:
    """Seed 3 is black, the others are smooth shapes of some contrast that differ from prompt to prompt."""
    rng = np.random.default_rng([prompt, seed])
    coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
    return np.kron(coarse, np.ones((4, 4, 1), np.uint8)) * np.uint8(seed != 3)


def test_a_seed_of_black_pictures_is_in_no_set(tmp_path: Path) -> None:
    values = made_up(PROMPTS, SEEDS)
    for far in ("x", "y"):
        values[far][:, 3] = 0.99
    run = run_of(publish_run(tmp_path, values, pixels=picture), tmp_path / "run")
    found = diverse_sets(run, diverse_measures(run, "layout"), golden=[1, 2, 3, 4, 5, 6])
    assert [each.pool for each in found.sets] == ["all", "golden"]
    for each in found.sets:
        assert len(each.seeds) == 4 and 3 not in each.seeds and list(each.degenerate) == [3] and each.left_out == 0
        assert "Seed 3 is left out: its pictures are degenerate: their contrast" in _describe(each)
    too_few = diverse_sets(run, diverse_measures(run, "layout"), golden=[1, 2, 3, 4, 5])
    assert "There are 5 golden seeds, 1 of them with degenerate pictures: a choice of 4" in " ".join(
        too_few.silent.values()
    )


def test_where_nothing_is_broken_none_is_left_out(tmp_path: Path) -> None:
    run = run_of(
        publish_run(tmp_path, made_up(PROMPTS, SEEDS), pixels=lambda prompt, seed: picture(prompt, seed + 20)),
        tmp_path / "run",
    )
    (found,) = diverse_sets(run, diverse_measures(run, "layout")).sets
    assert found.degenerate == {} and "degenerate" not in _describe(found)


def test_copies_are_in_no_set_and_no_pool(tmp_path: Path) -> None:
    """6 seeds that differ by luck alone, four of each: a set of the 6 would seem to differ more than random ones of the 24."""
    copies = np.arange(24) % 6
    values = {name: column[:, copies] for name, column in made_up(PROMPTS, 6).items()}
    study = publish_run(tmp_path, values, pixels=lambda prompt, seed: picture(prompt, 20 + copies[seed]))
    run = run_of(study, tmp_path / "run")
    (found,) = diverse_sets(run, diverse_measures(run, "layout")).sets
    assert found.copied == {seed: copies[seed] for seed in range(6, 24)} and set(found.seeds) < set(range(6))
    assert "Left out: 18 seeds of the run with the pictures of another" in _describe(found)
    silent = diverse_sets(run, diverse_measures(run, "layout"), count=6).silent["layout"]
    assert silent.startswith("The run has 6 seeds with pictures of their own: a choice of 6 needs more.")
