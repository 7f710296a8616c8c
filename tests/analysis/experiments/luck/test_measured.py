"""Whose seeds are a draw of luck: of a sweep its random ones, and copies once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_run import made_up, publish_run
from played_sweep import opened, planted, played, study

from seedscope.analysis.experiments.luck.judged import Asked, counts, judged
from seedscope.analysis.experiments.luck.measured import Model
from seedscope.analysis.run.opened import run_of
from seedscope.pipeline.errors import UserError


def test_of_a_sweep_the_random_seeds_of_its_confirmation_count(tmp_path: Path) -> None:
    run = played(opened(study(tmp_path), tmp_path / "run"), planted(32, 0.3)[1])
    model = Model.of(run, "played")
    assert run.race is not None and run.race.golden
    assert len(model.seeds) == 12 and not {*model.seeds.tolist()} & {*run.race.golden}
    found = judged([model], [], Asked(4, None), lambda _: None)
    assert (found.seeds, found.prompts) == (12, len(run.race.held_out))
    assert "the 12 random seeds of its confirmation" in found.notes[0]


def test_a_sweep_in_its_rounds_is_refused(tmp_path: Path) -> None:
    run = opened(study(tmp_path), tmp_path / "run")
    with pytest.raises(UserError, match="its sweep is in round 1"):
        Model.of(run, "played")


def test_a_copy_of_a_seed_is_no_draw_of_its_own(tmp_path: Path) -> None:
    values = {name: np.hstack([each, each[:, :2]]) for name, each in made_up(6, 8).items()}

    def pixels(_: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]  # as `publish_run` has it
        return np.full((8, 8, 3), 20 * (seed % 8), np.uint8)

    publish_run(tmp_path, values, pixels=pixels)
    model = Model.of(run_of(tmp_path / "run"), "copied")
    assert model.seeds.tolist() == [*range(8)]
    assert any("same pictures as another" in note for note in model.notes)


def test_numbers_of_seeds_double_to_half_of_those_there_are() -> None:
    assert counts(64, 4) == [1, 2, 4, 8, 16, 32]
    assert counts(20, 12) == [1, 2, 4, 8, 12]
