"""Samplers by name: whose later noise acts, and names that are none."""

from pathlib import Path

import pytest

from seedscope.analysis.experiments.swap.samplers import USUAL, by_steps, samplers
from seedscope.analysis.run.drawn_run import drawn_run
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Study
from seedscope.pipeline.tables.run_folder import RunFolder


def run(folder: Path, model: str = "sprout", **sampling: object) -> DrawnRun:
    fields = {"name": "t", "model": model, "prompts": ["a cat"], "seeds": "0-3", "sampling": sampling}
    return drawn_run(Study.model_validate(fields), RunFolder(folder / "run"))


def test_later_noise_acts_where_a_sampler_draws_and_uses_it(tmp_path: Path) -> None:
    found, left_out = samplers(run(tmp_path, steps=10), None)
    assert not left_out and [each.name for each in found] == list(USUAL)
    assert [each.acts for each in found] == [False] + [True] * 6
    assert found[2].sampling.eta == 0.5 and found[6].sampling.steps == 4 and found[4].sampling.steps == 10
    named = "ddim, ddim 0, euler, dpm++ 2m, heun, dpm2 a, tcd 0.3, dpm++ 2m sde"
    acts = {each.name: each.acts for each in samplers(run(tmp_path, steps=6), named)[0]}
    assert not any(acts[name] for name in ("ddim", "ddim 0", "euler", "dpm++ 2m", "heun"))
    assert acts["dpm2 a"] and acts["tcd 0.3"] and acts["dpm++ 2m sde"]


def test_one_step_is_asked_of_the_own_sampler_alone(tmp_path: Path) -> None:
    found, _ = samplers(run(tmp_path, "sprout-turbo", steps=1, guidance={"scale": 0}), None)
    assert [(each.name, each.acts) for each in found] == [("own", False)]


def test_a_sampler_that_the_study_has_already_is_not_looked_at_twice(tmp_path: Path) -> None:
    found, _ = samplers(run(tmp_path, steps=10, scheduler="ddpm"), None)
    assert found[0].acts and "ddpm" not in [each.name for each in found]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("ddim 0.5, eula a", "--samplers eula a: scheduler: .*did you mean 'euler a'"),
        ("ddim 1.5", "--samplers ddim 1.5: eta"),
        ("ddim, ddim", "'ddim' stands twice"),
        ("ddim,", "a name is empty"),
        ("euler 0.5", "sampling.eta: has no effect on EulerDiscreteScheduler"),
    ],
)
def test_names_that_are_none_are_told(tmp_path: Path, wanted: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        samplers(run(tmp_path, steps=10), wanted)


def test_the_way_has_at_most_so_many_parts_and_ends_after_all_steps() -> None:
    assert by_steps(20) == [2, 5, 8, 10, 12, 15, 18, 20] and by_steps(4) == [1, 2, 3, 4] and by_steps(1) == [1]
