"""Commands on a sweep: what they say of one that is under way, and that they take one that has come to its end."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import Done, command
from played_sweep import made, opened, planted, played, study

from seedscope.analysis.experiments.finding import findings, mark_of
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.parts import judged_part
from seedscope.jobs.commands.rounds import Rounds
from seedscope.jobs.planning.known_ratios import ratios_of
from seedscope.pipeline.errors import UserError


def told(*arguments: str | Path) -> str:
    """What a command prints, in one line; it ends well."""
    done: Done = command(*arguments)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def refused(*arguments: str | Path) -> str:
    done = command(*arguments)
    assert done.returncode == 2
    return " ".join(done.stderr.split())


def test_a_sweep_under_way_is_not_finished_and_is_not_judged(tmp_path: Path) -> None:
    path, out = study(tmp_path), tmp_path / "run"
    assert "32 x 5, 16 x 10, 8 x 20 (seeds x new prompts); 16 x 10 to confirm the choice" in told(
        "plan", path, "--out", out
    )
    made(opened(path, out), planted(32, 0.33)[1])
    assert "Round 1 of 3: 32 of 32 seeds, each with 5 new prompts." in told("status", path, "--out", out)
    status = json.loads(command("status", path, "--out", out, "--json").stdout)
    assert not status["finished"] and status["rounds_to_come"] == 3
    assert all(table["units"] == table["units_done"] for table in status["tables"])
    for name in ("seeds", "export", "report", "identify", "map", "table guidance"):
        assert "its sweep is in round 1 of 3" in refused(*name.split(), path, "--out", out), name
    assert "has decided no round yet" in refused("simulate", path, "--out", out)
    assert "Each round was decided from the scores that there are" in told("verify", path, "--out", out)
    other = study(tmp_path, "other.yaml", seeds={"among": "0-31", "golden": 4, "budget": 700, "random": 12})
    assert "seeds.pictures was 640 and is now 700" in refused("plan", other, "--out", out)
    assert "rounds of a sweep do" in refused(
        "submit", path, "--to", "slurm", "--slices", "4", "--out", tmp_path / "shared"
    )


def test_a_sweep_in_which_nothing_can_be_won_ends_with_an_empty_list(tmp_path: Path) -> None:
    path = study(tmp_path, seeds={"among": "0-399", "golden": 100, "budget": 4300, "random": 12})
    made(opened(path, tmp_path / "run"), planted(400, 0.0)[1])
    said = told("run", path, "--out", tmp_path / "run", "--executor", "inline", "--threads", "1")
    assert "The seed decides too little of clip_score: after 1 of 2 rounds" in said and "golden.txt" in said
    golden = json.loads((tmp_path / "run" / "golden.json").read_text())
    assert golden["seeds"] == [] and golden["why"]["rule"] == "race" and golden["why"]["ranked"] == 400
    assert len(list((tmp_path / "run" / "rounds").iterdir())) == 1
    assert "race.parquet" in said and pq.read_table(tmp_path / "run" / "race.parquet").num_rows == 400
    assert "To look at it" not in said, "there is none"
    for name in ("report", "seeds", "map"):
        assert "has stopped in round 1 of 2 without a list; golden.json says why" in refused(
            name, path, "--out", tmp_path / "run"
        ), name
    assert "stopped there without a list, golden.json says why" in told("status", path, "--out", tmp_path / "run")
    assert json.loads(command("status", path, "--out", tmp_path / "run", "--json").stdout)["finished"]
    compared = refused("compare", tmp_path / "run", tmp_path / "run")
    assert "its sweep has stopped, and nothing is to be compared. The seed decides too little" in compared
    on = study(
        tmp_path, "on.yaml", seeds={"among": "0-399", "golden": 100, "budget": 4300, "random": 12, "anyway": True}
    )
    assert Rounds(opened(on, tmp_path / "run")).more() is not None
    assert "stopped" not in told("status", on, "--out", tmp_path / "run"), "it goes on"
    assert not list((tmp_path / "run").glob("golden.*"))


def test_lambda_of_a_sweep_is_that_of_its_rounds(ended: tuple[Path, Path]) -> None:
    path, out = ended
    run = run_of(path, out)
    assert run.race is not None
    why = run.race.rounds[-1].why
    known, *_ = ratios_of(run, path, [])
    assert (known.measure, known.ratio, known.lo, known.hi) == (
        "clip_score",
        why["lambda"],
        why["lambda_lo"],
        why["lambda_hi"],
    )
    assert known.lo < 2 < known.hi, "seeds decide a third"
    with pytest.raises(UserError, match="went by clip_score"):
        ratios_of(run, path, ["looks_brightness"])


def test_findings_of_a_part_and_of_the_whole_are_of_one_run(ended: tuple[Path, Path]) -> None:
    run = run_of(*ended)
    assert mark_of(run) == mark_of(judged_part(run))


def test_the_table_of_guidance_is_of_the_confirmation(tmp_path: Path) -> None:
    several = {"model": "sprout", "sampling": {"steps": 2, "guidance": {"scale": 3.0}}}
    path, out = study(tmp_path, **several), tmp_path / "run"
    run = played(opened(path, out), planted(32, 0.33)[1])
    few = ("--prompts", "3", "--seeds", "1", "--strengths", "0.5", "--executor", "inline", "--threads", "1")
    said = told("table", "guidance", path, "--out", out, *few)
    assert "table-guidance.json" in said
    shown, silent = findings(run.folder, mark_of(judged_part(run)))
    assert [each.name for each in shown] == ["table-guidance"] and not silent


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sweep")
    played(opened(study(folder), folder / "run"), planted(32, 0.33)[1])
    return folder / "study.yaml", folder / "run"


def test_a_sweep_that_has_ended_is_judged_reported_and_compared(ended: tuple[Path, Path]) -> None:
    path, out = ended
    assert json.loads(command("status", path, "--out", out, "--json").stdout)["finished"] is True
    assert "Each round is as the scores decide" in told("verify", path, "--out", out, "--deep")
    assert "lambda" in told("plan", path, "--out", out)
    assert "are of golden and random seeds together" in told("seeds", path, "--out", out)
    assert "golden.json" in told("export", path, "--out", out)
    golden = json.loads((out / "golden.json").read_text())
    assert golden["why"]["rule"] == "race" and [each["seeds"] for each in golden["why"]["race"]["rounds"]] == [
        32,
        16,
        8,
    ]
    shutil.copytree(out, out.parent / "other")
    assert "16 seeds in common, the same 10 prompts" in told("compare", out, out.parent / "other")
    told("report", path, "--out", out)
    text = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "32 seeds: 0-31" in text and "640 rows" in text, "made of all rounds"
    assert "The race" in text and "Went out after it" in text and "times as many" in text


def test_what_a_command_found_is_json_on_standard_output_alone(ended: tuple[Path, Path], tmp_path: Path) -> None:
    path, out = ended
    found = json.loads(command("seeds", path, "--out", out, "--json").stdout)
    golden = json.loads((out / "golden.json").read_text())["seeds"]
    assert found["golden"] == golden and found["ranked_by"] == "clip_score" and found["better"] == "higher"
    assert [row["seed"] for row in found["seeds"] if row["rank"] == 1] == [found["seeds"][0]["seed"]]
    assert [row["measure"] for row in found["measures"]] == ["clip_score"] and found["measures"][0]["share"] > 0
    exported = json.loads(command("export", path, "--out", out, "--json").stdout)
    assert exported["golden"] == golden and all(Path(file).exists() for file in exported["files"])
    assert json.loads(command("verify", path, "--out", out, "--json").stdout) == {
        "whole": True,
        "deep": False,
        "damaged": [],
    }
    page = json.loads(command("report", path, "--out", out, "--to", tmp_path / "report", "--json").stdout)["index"]
    assert Path(page).read_text(encoding="utf-8").startswith("<!doctype html>")
