"""What a sweep is begun with: other reference pictures, another budget or a damaged first round are a sentence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from commands import small_reference
from played_sweep import opened, study

from seedscope.analysis.judging.race.scores import digest
from seedscope.analysis.run import drawn_run, race
from seedscope.analysis.run.apart import apart
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.errors import RunChanged, StorageError, UserError
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.tables.rounds import record

BY_DISTANCE = {
    "features": ["fd_efficientnet_lite0"],
    "ranking": {"by": "fd_efficientnet_lite0", "shuffles": 20},
    "reference": "sprout",
}
SWEEP = {"among": "0-31", "golden": 4, "random": 12}


def test_rounds_of_two_references_are_not_one_sweep(tmp_path: Path) -> None:
    out, real = tmp_path / "run", small_reference(tmp_path)
    opened(study(tmp_path, **BY_DISTANCE), out)
    opened(study(tmp_path, **BY_DISTANCE), out)
    with pytest.raises(RunChanged, match="begun as another sweep .reference was"):
        opened(study(tmp_path, **BY_DISTANCE | {"reference": str(real)}), out)


def test_a_sweep_that_was_begun_before_references_were_recorded_goes_on(tmp_path: Path) -> None:
    path, out = study(tmp_path, **BY_DISTANCE), tmp_path / "run"
    run = opened(path, out)
    assert run.race is not None
    first = run.race.rounds[0]
    (out / "rounds" / "0001.json").unlink()
    record(run.folder.storage, 1, replace(first, why={key: first.why[key] for key in first.why if key != "reference"}))
    run = opened(path, out)
    assert run.race is not None and "reference" not in run.race.rounds[0].why
    assert digest(run) == fingerprint([])


def test_scores_are_made_of_the_real_pictures_too(tmp_path: Path) -> None:
    run = opened(study(tmp_path, **BY_DISTANCE | {"reference": str(small_reference(tmp_path))}), tmp_path / "run")
    before, table = digest(run), run.reference_measures[0].table
    unit = run.reference.units()[0]
    rows = {"prompt_id": [each.id for each, _ in unit.cells], "seed": [0] * len(unit), "status": ["ok"] * len(unit)}
    for field in table.schema:
        if field.name not in rows:
            rows[field.name] = (
                pa.nulls(len(unit), field.type)
                if field.nullable and not pa.types.is_fixed_size_list(field.type)
                else np.zeros((len(unit), field.type.list_size)).tolist()
            )
    table.publish(unit, pa.table([pa.array(rows[field.name], field.type) for field in table.schema], table.schema), {})
    assert digest(run) != before


def test_other_hours_are_another_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_run, "_rate", lambda _: 640 / 3600)
    out = tmp_path / "run"
    opened(study(tmp_path, seeds=SWEEP | {"hours": 1}), out)
    opened(study(tmp_path, seeds=SWEEP | {"budget": 640}), out)
    with pytest.raises(RunChanged, match=r"seeds.hours was 1(\.0)? and is now 2"):
        opened(study(tmp_path, seeds=SWEEP | {"hours": 2}), out)


def test_what_could_never_be_confirmed_is_refused_before_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(tmp_path, seeds={"among": "0-63", "golden": 1, "budget": 560, "random": 28})
    with pytest.raises(
        UserError, match="1 golden seed.s. beside 28 random ones cannot be confirmed.*`random` be 59 or more"
    ):
        run_of(path, tmp_path / "run")
    few = study(tmp_path, "few.yaml", seeds={"among": "0-7", "golden": 2, "budget": 120})
    with pytest.raises(UserError, match="Name 12 seeds or more, 10 random"):
        run_of(few, tmp_path / "few")
    with monkeypatch.context() as older:
        older.setattr(race, "refuse_untestable", lambda _: None)
        opened(path, tmp_path / "run")
    assert isinstance(run_of(path, tmp_path / "run"), DrawnRun), "one that was begun goes on"


def test_without_its_first_round_a_run_is_no_sweep_so_that_none_is_told_to_delete_it(tmp_path: Path) -> None:
    path, out = study(tmp_path), tmp_path / "run"
    opened(path, out)
    (out / "rounds" / "0001.json").write_text("{")
    with pytest.raises(
        StorageError, match="0001.json: the run's record is damaged.*choose another folder with --out"
    ) as told:
        run_of(path, out)
    assert "delete it" not in str(told.value)


def test_one_large_group_and_many_small_ones_are_parted_in_any_order() -> None:
    prompts = [prompt(f"large {i}", "large") for i in range(90)] + [prompt(f"small {i}", f"{i}") for i in range(10)]
    for seed in range(30):
        racing, held_out = apart(prompts, 60, 8, np.random.default_rng(seed))
        assert len(racing) == 60 and len(held_out) == 8
        assert {each.group for each in racing}.isdisjoint(each.group for each in held_out)
