"""Runs that do not allow what is asked of them: a clear sentence or a result with its n, never a silent ranking."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import Done, command
from made_up_run import Values, made_up, publish_run

from seedscope.analysis.run.complete_prompts import complete
from seedscope.pipeline.study.plan import Edition, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape

COMMANDS = ("seeds", "export", "report", "diverse")


def on(study: Path, name: str, *more: str) -> Done:
    """Run a command on the made-up run beside a study."""
    return command(name, study, "--out", study.parent / "run", *more)


def told(done: Done) -> str:
    """All that was printed, on one line."""
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def refused(study: Path, commands: Sequence[str], sentence: str) -> None:
    for name in commands:
        done = on(study, name)
        assert done.returncode == 2 and sentence in told(done), (name, told(done))


def measures(study: Path) -> dict[str, dict[str, object]]:
    rows = pq.read_table(study.parent / "run" / "measures.parquet").to_pylist()
    return {row["measure"]: row for row in rows}


# --- a run that is not finished


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 8 prompts in blocks of 4, one unit of the second block has no layout."""
    study = publish_run(tmp_path_factory.mktemp("half"), made_up(8, 6))
    receipts = sorted((study.parent / "run").glob("receipts/layout-*/*.json"))
    assert len(receipts) == 4
    receipts[-1].unlink()
    return study


def test_an_unfinished_run_says_what_is_missing_and_how_to_go_on(half: Path) -> None:
    refused(half, COMMANDS, "1 of 4 units have no measurements of layout yet. `seedscope run` makes them")
    assert "--complete-prompts" in told(on(half, "seeds"))
    assert "is not finished" in told(command("compare", half.parent / "run", half.parent / "run"))


def test_complete_prompts_are_judged_if_asked(half: Path) -> None:
    sentence = "The run is not finished: 4 of 8 prompts are judged"
    done = on(half, "seeds", "--complete-prompts")
    assert done.returncode == 0 and sentence in told(done)
    assert {row["prompts"] for name, row in measures(half).items() if name != "layout_confidence"} == {4}
    page = half.parent / "pages"
    assert on(half, "report", "--complete-prompts", "--to", str(page)).returncode == 0
    assert sentence in (page / "index.html").read_text(encoding="utf-8")
    with (page / "data" / "prompts.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    compared = command("compare", half.parent / "run", half.parent / "run")
    assert compared.returncode == 2 and "not finished" in told(compared)


def test_without_a_complete_prompt_nothing_is_judged(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(2, 6))
    next((tmp_path / "run").glob("receipts/images-*/*.json")).unlink()
    done = on(study, "seeds", "--complete-prompts")
    assert done.returncode == 2 and "none of 2 prompts is drawn with every seed and measured" in told(done)


def test_of_a_finished_run_the_option_leaves_nothing_out(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(4, 6))
    with_option, without = (told(on(study, "seeds", *more)) for more in (["--complete-prompts"], []))
    assert with_option == without and "not finished" not in without


def test_prompts_that_share_a_unit_are_complete_together() -> None:
    prompts = tuple(prompt(f"prompt {i}") for i in range(7))
    grown = [Edition(prompts[:5], (0, 1)), Edition(prompts, (0, 1, 2))]
    units = plan(grown, UnitShape(prompts=2, seeds=2))
    names = {unit.name for unit in units}
    assert complete(units, names) == units and complete(units, set()) == []
    last = next(unit for unit in units if unit.seeds == (2,) and prompts[6] in unit.prompts)
    kept = complete(units, names - {last.name})
    # 5 and 6 came together; 4 and 5 share a unit of seed 2.
    assert {each.id for unit in kept for each in unit.prompts} == {each.id for each in prompts[:4]}
    assert {seed for unit in kept for seed in unit.seeds} == {0, 1, 2}


# --- too little, or all alike


def test_one_seed_is_refused(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(4, 1))
    refused(study, COMMANDS, "clip_score says nothing of the seeds. 4 prompt(s) x 1 seed(s)")


def test_one_prompt_gives_nulls_and_no_golden_seed(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(1, 6))
    assert "No seed can be called golden" in told(on(study, "seeds"))
    row = measures(study)["clip_score"]
    assert (row["prompts"], row["cells"]) == (1, 6)
    assert row["seed_share"] is row["reliability"] is row["spearman"] is None
    assert on(study, "export").returncode == on(study, "report").returncode == 0
    assert json.loads((tmp_path / "run" / "golden.json").read_text())["seeds"] == []
    refused(study, ["diverse"], "There are 1 prompts, all of one group")


def test_prompts_of_one_group_leave_a_side_of_the_split_empty(tmp_path: Path) -> None:
    (tmp_path / "prompts.csv").write_text("prompt,group\na cat,cats\na red cat,cats\na big cat,cats\n")
    study = publish_run(tmp_path, made_up(3, 6), prompts=[{"file": "prompts.csv", "group": "group"}])
    assert "all of them are of one group here" in told(on(study, "seeds"))
    row = measures(study)["clip_score"]
    assert (row["prompts"], row["groups"], row["spearman"]) == (3, 1, None)
    refused(study, ["diverse"], "There are 3 prompts, all of one group")
    assert on(study, "export").returncode == on(study, "report").returncode == 0


def test_where_all_values_are_equal_no_seed_is_better(tmp_path: Path) -> None:
    values = {name: np.full((6, 6), 0.5) for name in made_up(6, 6)}
    study = publish_run(tmp_path, values)
    assert "No seed is better than chance here" in told(on(study, "seeds"))
    assert {row["rank"] for row in pq.read_table(tmp_path / "run" / "seeds.parquet").to_pylist()} == {1}
    assert (measures(study)["clip_score"]["p"], measures(study)["clip_score"]["seed_share"]) == (1.0, None)
    refused(study, ["diverse"], "6 seeds have pictures of 1 kind(s) only: there are no 4 that differ.")
    assert on(study, "export").returncode == on(study, "report").returncode == 0


@pytest.mark.parametrize("value", [np.nan, -1.0], ids=["NaN", "null"])
def test_without_values_there_is_no_ranking(tmp_path: Path, value: float) -> None:
    study = publish_run(tmp_path, {name: np.full((4, 6), value) for name in made_up(4, 6)})
    refused(study, COMMANDS, "clip_score says nothing of the seeds. None of 4 prompts has a picture with a value.")


def test_a_measurement_without_values_is_told_and_the_others_are_judged(tmp_path: Path) -> None:
    values: Values = made_up(6, 6) | {name: np.full((6, 6), -1.0) for name in ("x", "y", "size")}
    study = publish_run(tmp_path, values)
    done = on(study, "seeds")
    assert done.returncode == 0 and "layout_x says nothing of the seeds: None of 6 prompts" in told(done)
    assert "clip_score" in measures(study) and "layout_x" not in measures(study)
    refused(
        study, ["diverse"], "There are 6 seeds, 0 of them with pictures that have a vector: a choice of 4 needs more."
    )


def test_ties_share_a_rank(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(6, 6) | {"clip_score": np.tile([0.5, 0.5, 0.6, 0.6, 0.4, 0.4], (6, 1))})
    said = told(on(study, "seeds"))
    ranks = {row["seed"]: row["rank"] for row in pq.read_table(tmp_path / "run" / "seeds.parquet").to_pylist()}
    assert ranks == {2: 1, 3: 1, 0: 3, 1: 3, 4: 5, 5: 5}
    assert (
        "by 0.1 (0.1 to 0.1, 95 % for all seeds at once); corrected for having been chosen, by 0.1: confirmed" in said
    )


def test_seeds_seen_on_few_prompts_are_not_chosen_and_missing_pictures_are_counted(tmp_path: Path) -> None:
    values = made_up(8, 7)
    for name in ("x", "y", "size"):
        values[name][:7, 6] = -1  # what is left of this seed is far from all others
        values[name][7, 6] = 0.99
        values[name][3, 2] = -1
    study = publish_run(tmp_path, values)
    (found,) = json.loads(on(study, "diverse", "--json").stdout)
    assert (found["left_out"], found["evidence"]["prompts"]) == (1, 4) and 6 not in found["seeds"]
    assert found["evidence"]["missing"] in (0, 1)
    assert "Left out: 1 seeds with pictures of too few prompts" in told(on(study, "diverse"))


# --- more than there is


@pytest.mark.parametrize("rule", ["top", "overlap"])
def test_more_golden_seeds_than_there_are(tmp_path: Path, rule: str) -> None:
    second = {"second": "clip_score"} if rule == "overlap" else {}
    by = {"by": "text" if rule == "overlap" else "clip_score"}
    features = [{"clip_score": {"model": "sprout-clip"}}, {"text": {"detector": "sprout-layout/segmentation"}}]
    values = made_up(4, 6) | {"share": made_up(4, 6, 1)["x"], "text": made_up(4, 6, 2)["x"] > 0.5}
    ranking = {"rule": rule, "golden": 6, "shuffles": 20} | by | second
    study = publish_run(tmp_path, values, features=features, ranking=ranking)
    assert "No seed is golden: the study asks for 6 of 6 seeds" in told(on(study, "seeds"))
    assert on(study, "export").returncode == on(study, "report").returncode == 0
    assert json.loads((tmp_path / "run" / "golden.json").read_text())["seeds"] == []


def test_more_diverse_seeds_than_there_are(tmp_path: Path) -> None:
    values = made_up(6, 6)
    study = publish_run(tmp_path, values, ranking={"by": "clip_score", "rule": "top", "golden": 3, "shuffles": 20})
    done = on(study, "diverse", "--count", "6")
    assert done.returncode == 2 and "The run has 6 seeds: a choice of 6 needs more." in told(done)
    assert not (tmp_path / "run" / "diverse.json").exists()
    found = on(study, "diverse")
    assert found.returncode == 0
    assert "No set by layout, among golden seeds: There are 3 golden seeds: a choice of 4 needs more." in told(found)
    among = json.loads(on(study, "diverse", "--count", "2", "--json").stdout)
    assert [each["pool"] for each in among] == ["all", "golden"]
    assert on(study, "export").returncode == 0
    golden = json.loads((tmp_path / "run" / "golden.json").read_text())["seeds"]
    assert len(golden) == 3 and set(among[1]["seeds"]) < set(golden)
