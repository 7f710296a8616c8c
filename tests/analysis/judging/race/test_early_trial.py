"""Early pictures in the first half of a sweep's rounds: where a trial finds that they agree with finished ones, only there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import command
from played_sweep import Score, opened, planted, played, study

from seedscope.analysis.judging.golden_rules import choose
from seedscope.analysis.judging.judge import judge
from seedscope.analysis.judging.race.cost import beside_uniform
from seedscope.analysis.judging.race.decide import decide, refuse_other_decisions
from seedscope.analysis.judging.race.early_trial import (
    UndefinedCorrelation,
    correlation,
    of_trial,
    refuse_other_trial,
)
from seedscope.analysis.judging.race.scores import race_scores
from seedscope.analysis.judging.race.table import write_race
from seedscope.analysis.judging.run_view import open_run
from seedscope.analysis.report.gather.race_section import race_section
from seedscope.analysis.run import drawn_run
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.parts import confirming, judged_part
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.jobs.planning.estimate import _blocks, size
from seedscope.pipeline.errors import RunChanged, StorageError, StudyError
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.tables.rounds import record_trial

SAMPLING = {"scheduler": "ddim", "steps": 10, "guidance": {"scale": 0}}
SWEEP = {"among": "0-31", "golden": 4, "budget": 760, "random": 12, "early": {"steps": 0.2}}
STUDY = {
    "model": "sprout",
    "sampling": SAMPLING,
    "seeds": SWEEP,
    "prompts": [f"thing {i}" for i in range(120)],
}


def alike(score: Score, much: float) -> Score:
    """Scores of early pictures: what finished ones have, and noise of their own."""

    def early(prompt: Prompt, seed: int) -> float:
        return (
            100
            + 0.1 * (score(prompt, seed) or 0.0)
            + much * float(np.random.default_rng([int(prompt.id, 16), seed, 7]).normal())
        )

    return early


def unlike(prompt: Prompt, seed: int) -> float:
    """Scores that have nothing of finished pictures."""
    return float(
        np.random.default_rng([seed, 3]).normal() + np.random.default_rng([int(prompt.id, 16), seed, 5]).normal()
    )


@pytest.fixture(scope="module")
def agreeing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("early")
    path, score = study(folder, **STUDY), planted(32, 0.4)[1]
    played(opened(path, folder / "run"), score, early=alike(score, 0.02))
    return path, folder / "run"


def found(path: Path, out: Path) -> DrawnRun:
    run = run_of(path, out)
    assert isinstance(run, DrawnRun)
    return run


def test_where_they_agree_the_first_half_of_the_rounds_goes_by_them_and_the_rest_by_finished_ones(
    agreeing: tuple[Path, Path],
) -> None:
    run = found(*agreeing)
    assert run.race is not None and run.race.golden is not None and run.early is not None and not run.race.trying
    rounds, effects = run.race.rounds, planted(32, 0.4)[0]
    assert [each.early for each in rounds] == [True, False, False, False]
    trial = run.race.rounds[0].why["trial"]
    assert isinstance(trial, dict) and trial["kept"] is True and float(str(trial["correlation"])) > 0.9
    spent = sum(each.pictures for each in run.race.sizes()) + run.race.rules.spent
    assert run.race.rules.spent == 27 and 0.9 * 760 <= spent <= 760
    assert run.race.sizes()[0].pictures == pytest.approx(run.race.sizes()[1].pictures, abs=32)
    assert len(rounds[0].prompts) == pytest.approx(5 * run.race.sizes()[0].pictures / 32, abs=1)
    assert effects[list(run.race.golden)].mean() > np.sort(effects)[-8:].mean()
    assert {unit.name for unit in run.early.units} == run.early.images.committed()
    assert run.early.images.name.startswith("early-") and run.early.measures[0].table.name != run.measures[0].table.name
    held_out = {prompt.id for prompt in run.race.held_out}
    assert {prompt.id for each in run.race.drawn(early=True)[1:] for prompt in each.block.prompts}.isdisjoint(held_out)


def test_decisions_and_effects_of_the_end_are_of_finished_pictures_alone(agreeing: tuple[Path, Path]) -> None:
    run = found(*agreeing)
    scores = race_scores(run)
    assert np.nanmax(np.abs(scores.grid.values)) < 50, "early scores are about 100"
    assert {*scores.grid.seeds.tolist()} == {*(run.race.rounds[1].seeds if run.race else ())}
    part = judged_part(run)
    assert sum(map(len, part.units)) == 16 * 11 and len(part.wanted.prompts) == 11
    choice = choose(part, judge(part))
    assert choice.seeds and "32 x 28 early" in choice.sentence and "goes by early pictures" in choice.sentence
    table = pq.read_table(write_race(run)).to_pylist()
    assert len(table) == 32 and [row["prompts"] for row in table].count(0) == 16
    assert all((row["effect"] is None) == (row["prompts"] == 0) for row in table)
    section = race_section(run)
    assert (
        section is not None and section.rounds[0].early and any("early pictures" in each for each in section.sentences)
    )
    assert [unit.name for unit in open_run(agreeing[1]).units] == [unit.name for unit in run.units]
    assert size(run).early_images == sum(map(len, run.early.units if run.early else ()))
    assert size(run).units == size(run).units_done
    planned = command("plan", agreeing[0], "--out", agreeing[1]).stdout
    assert "besides; each costs its share" in planned, "the trial is over"


def test_the_same_scores_decide_the_same_again(agreeing: tuple[Path, Path]) -> None:
    run = found(*agreeing)
    assert run.race is not None
    assert not refuse_other_decisions(run, trust_bytes=False)
    refuse_other_trial(run)
    for number in range(1, len(run.race.rounds)):
        before = replace(run, race=replace(run.race, rounds=run.race.rounds[:number]))
        assert decide(before).round == run.race.rounds[number]
    trial = {**dict(run.race.rounds[0].why), "trial": {"kept": False, "scores": "", "correlation": 0.1, "least": 0.8}}
    otherwise = (replace(run.race.rounds[0], why=trial), *run.race.rounds[1:])
    with pytest.raises(RunChanged, match="trial of early pictures have changed"):
        refuse_other_trial(replace(run, race=replace(run.race, rounds=otherwise)))


def test_where_they_do_not_agree_they_are_dropped_and_all_rounds_go_by_finished_ones(tmp_path: Path) -> None:
    path, score = study(tmp_path, **STUDY), planted(32, 0.4)[1]
    run = played(opened(path, tmp_path / "run"), score, early=unlike)
    run = found(path, tmp_path / "run")
    assert run.race is not None and run.race.golden is not None and not any(each.early for each in run.race.rounds)
    trial = run.race.rounds[0].why["trial"]
    assert isinstance(trial, dict) and trial["kept"] is False
    assert run.early is not None and sum(map(len, run.early.units)) == 12 * 11, "those of the trial"
    sizes = [(each.seeds, each.prompts) for each in run.race.sizes()]
    assert sizes[0] == (32, 5) and sum(each.pictures for each in run.race.sizes()) + 27 <= 760
    cells = [(prompt.id, seed) for unit in confirming(run).units for prompt, seed in unit.cells]
    assert len(cells) == len(set(cells)) == 16 * len(run.race.held_out)
    part = judged_part(run)
    assert "early pictures are dropped" in choose(part, judge(part)).sentence
    assert not refuse_other_decisions(run, trust_bytes=False)


def test_without_any_effect_a_trial_of_early_pictures_makes_no_golden_seeds(tmp_path: Path) -> None:
    path, score = study(tmp_path, **STUDY | {"seeds": SWEEP | {"anyway": True}}), planted(32, 0.0)[1]
    run = played(opened(path, tmp_path / "run"), score, early=alike(score, 0.02))
    assert run.race is not None and run.race.rounds[0].early
    part = judged_part(run)
    assert not choose(part, judge(part)).seeds


@pytest.mark.parametrize("how", ["all its pictures failed", "its scores are missing", "it is a copy"])
def test_a_seed_of_the_trial_that_goes_out_is_left_out_of_what_confirms(how: str, tmp_path: Path) -> None:
    path, score = study(tmp_path, **STUDY), planted(32, 0.4)[1]
    run = opened(path, tmp_path / "run")
    assert run.race is not None and run.race.trial is not None
    held_out, effects = {prompt.id for prompt in run.race.held_out}, planted(32, 0.4)[0]
    first, gone = sorted(sorted(run.race.trial.seeds, key=lambda seed: -effects[seed])[:2])  # which stay in

    def as_first(seed: int) -> int:
        return first if how == "it is a copy" and seed == gone else seed

    def lacking(prompt: Prompt, seed: int) -> float | None:
        if how == "its scores are missing" and seed == gone and prompt.id not in held_out:
            return None
        return score(prompt, as_first(seed))

    def picture(prompt: Prompt, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
        if how == "all its pictures failed" and seed == gone:
            return None
        return np.random.default_rng([int(prompt.id, 16), as_first(seed)]).integers(0, 255, (8, 8, 3), np.uint8)

    def early(prompt: Prompt, seed: int) -> float | None:
        return None if lacking(prompt, seed) is None else alike(score, 0.02)(prompt, as_first(seed))

    run = played(run, lacking, picture, early)
    assert run.race is not None and run.race.golden is not None and run.race.in_early is False
    assert gone not in run.race.golden and gone not in run.race.rounds[-1].seeds
    part = judged_part(run)
    assert part.outside == {gone}
    judged = judge(part)
    found = judged.scores("clip_score")
    assert {*found.seeds.tolist()} == {*run.race.rounds[-1].seeds} and not np.isnan(found.scores.values).any()
    assert judged.failed == () and not judged.copied
    assert f"none of the random ones: {gone}." in choose(part, judged).sentence
    assert not refuse_other_decisions(run, trust_bytes=False)


def grid(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Grid:
    prompts = np.array([f"{i:03d}" for i in range(len(values))])
    return Grid(values.astype(np.float32), prompts, prompts, np.arange(values.shape[1]))


def trial_scores(
    rng: np.random.Generator, effect: float, missing: float, seeds: int = 64, prompts: int = 20
) -> tuple[Grid, Grid]:
    """Scores whose prompts differ more than anything else, of seeds with the same effects both ways."""
    effects, rows = effect * rng.normal(size=seeds), 5 * rng.normal(size=(prompts, 1))
    found = [rows + effects + rng.normal(size=(prompts, seeds)) for _ in range(2)]
    return grid(np.where(rng.random((prompts, seeds)) < missing, np.nan, found[0])), grid(
        np.where(rng.random((prompts, seeds)) < missing, np.nan, 100 + 0.1 * found[1])
    )


@pytest.mark.parametrize("missing", [0.0, 0.05, 0.15])
def test_the_trial_finds_what_seeds_have_in_common_and_nothing_else_though_scores_are_missing(missing: float) -> None:
    rng = np.random.default_rng(11)
    agreeing = [correlation(*trial_scores(rng, 0.6, missing)) for _ in range(50)]
    noise = [correlation(*trial_scores(rng, 0.0, missing)) for _ in range(200)]
    assert np.mean(agreeing) > 0.8
    assert abs(np.mean(noise)) < 3 / np.sqrt(200 * 63) and np.mean(np.abs(noise) > 0.25) < 0.1


def test_each_reason_for_which_the_trial_says_nothing_has_its_sentence() -> None:
    rng = np.random.default_rng(2)

    def undefined(finished: Grid, early: Grid) -> str:
        with pytest.raises(UndefinedCorrelation) as told:
            correlation(finished, early)
        return of_trial({"correlation": None, "least": 0.8, "kept": False, "undefined": str(told.value)}) or ""

    finished, early = trial_scores(rng, 0.5, 0.0, seeds=10)
    few = early.values.copy()
    few[5:, :3] = np.nan
    assert "not defined (7 of 10 seeds have both scores in half of the prompts or more" in undefined(
        finished, grid(few)
    )
    apart = early.values.copy()
    apart[:10, :5] = apart[10:, 5:] = np.nan
    assert "sets of seeds without a prompt in common" in undefined(finished, grid(apart))
    assert "by early pictures seeds do not differ" in undefined(finished, grid(np.zeros((20, 10))))
    assert "by finished pictures seeds do not differ" in undefined(grid(np.zeros((20, 10))), early)
    older = of_trial({"correlation": None, "least": 0.8, "kept": False}) or ""
    assert "not defined, and 0.8 is asked for" in older and "do not differ" not in older


def test_what_cannot_be_drawn_early_is_a_sentence(tmp_path: Path) -> None:
    def refused(match: str, **changes: object) -> None:
        with pytest.raises(StudyError, match=match):
            run_of(study(tmp_path, **STUDY | changes), tmp_path / "none")

    one = {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}}
    refused("0.2 of 1 step.s. are all of them", model="sprout-turbo", sampling=one)
    refused("takes 8 random seeds or more", seeds=SWEEP | {"random": 7, "golden": 4})
    refused("takes 8 random seeds or more.*two rounds", seeds=SWEEP | {"golden": 16, "budget": 800})
    refused("correlation", seeds=SWEEP | {"early": {"steps": 0.2, "correlation": 2}})


def test_the_budget_that_a_refusal_names_is_accepted(tmp_path: Path) -> None:
    sweep = {"among": "0-255", "golden": 8, "early": {"steps": 0.2}}
    many = STUDY | {"prompts": [f"thing {i}" for i in range(300)]}
    with pytest.raises(
        StudyError, match="the trial of early pictures and the confirmation take 1,434 pictures or more"
    ):
        run_of(study(tmp_path, **many | {"seeds": sweep | {"budget": 1000}}), tmp_path / "none")
    for least, taken in ((1434, True), (1433, False)):
        path = study(tmp_path, **many | {"seeds": sweep | {"budget": least}})
        if taken:
            assert run_of(path, tmp_path / "none").race is not None
        else:
            with pytest.raises(StudyError, match="take 1,434 pictures"):
                run_of(path, tmp_path / "none")


@pytest.mark.parametrize("kept", [True, False])
def test_what_a_sweep_costs_has_the_trial_in_it(kept: bool, tmp_path: Path) -> None:
    path, score = study(tmp_path, **STUDY), planted(32, 0.4)[1]
    run = played(opened(path, tmp_path / "run"), score, early=alike(score, 0.02) if kept else unlike)
    assert run.race is not None and run.race.golden is not None and run.race.rounds[0].early is kept
    rounds, last = sum(each.pictures for each in run.race.sizes()[:-1]), run.race.sizes()[-1].pictures
    part = judged_part(run)
    assert f": {rounds + 27:,} pictures, 27 of them for the trial of early" in choose(part, judge(part)).sentence
    assert f"such a sweep of {rounds + last + 27:,} pictures" in beside_uniform(run.race)[0]
    assert _blocks(run.race, run.study.unit)[0] == (27, 1), "12 seeds x 11 prompts at a fifth"


def test_a_study_that_changes_during_the_trial_is_another_sweep(tmp_path: Path) -> None:
    out = tmp_path / "run"
    opened(study(tmp_path, **STUDY), out)
    opened(study(tmp_path, **STUDY | {"seeds": SWEEP | {"anyway": True}}), out)
    more, distance = [f"thing {i}" for i in range(121)], "fd_efficientnet_lite0"
    for changes, said in (
        ({"seeds": SWEEP | {"budget": 800}}, "begun as another sweep .seeds.pictures was 760 and is now 800"),
        ({"seeds": SWEEP | {"random": 13}}, "begun as another sweep .*seeds.random was 12 and is now 13"),
        ({"features": [distance], "ranking": {"by": distance}, "reference": "sprout"}, "ranking.by was"),
        ({"prompts": more}, "laid out for other prompts"),
        ({"seeds": SWEEP | {"among": "1-32"}}, "laid out for other prompts, groups of prompts, or seeds"),
    ):
        with pytest.raises(RunChanged, match=said):
            opened(study(tmp_path, **STUDY | changes), out)


def test_a_trial_that_an_older_version_recorded_goes_on_with_the_same_seeds_and_prompts_alone(tmp_path: Path) -> None:
    run = opened(study(tmp_path, **STUDY), tmp_path / "run")
    assert run.race is not None and run.race.trial is not None
    (tmp_path / "run" / "trial" / "0001.json").unlink()
    record_trial(run.folder.storage, replace(run.race.trial, why={}))
    opened(study(tmp_path, **STUDY), tmp_path / "run")
    with pytest.raises(RunChanged, match="laid out for other prompts"):
        opened(study(tmp_path, **STUDY | {"seeds": SWEEP | {"random": 13}}), tmp_path / "run")


def test_hours_are_what_they_came_to_when_the_trial_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = study(tmp_path, **STUDY | {"seeds": {**SWEEP, "budget": None, "hours": 1}})
    for rate in (760, 900):  # a second bench
        monkeypatch.setattr(drawn_run, "_rate", lambda _, rate=rate: rate / 3600)
        run = opened(path, tmp_path / "run")
        assert run.race is not None and run.race.rules.pictures == 760
    run = played(run, planted(32, 0.4)[1])
    monkeypatch.setattr(drawn_run, "_rate", lambda _: 1.0)
    run = opened(path, tmp_path / "run")
    assert run.race is not None and run.race.golden is not None and run.race.rules.pictures == 760


def test_a_damaged_trial_is_not_said_to_be_written_anew(tmp_path: Path) -> None:
    path, out = study(tmp_path, **STUDY), tmp_path / "run"
    opened(path, out)
    (out / "trial" / "0001.json").write_text("{")
    with pytest.raises(StorageError, match="the run's record is damaged.*choose another folder with --out") as told:
        run_of(path, out)
    assert "delete it" not in str(told.value)


def test_a_sweep_is_not_given_early_pictures_later_nor_rid_of_them(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = opened(study(tmp_path, **STUDY), out)
    assert run.race is not None and run.race.trying and "Trial: 12 seeds, each with 11 prompts" in run.race.describe()
    assert json.loads((out / "trial" / "0001.json").read_text())["asked"]["steps"] == 0.2
    for changed in ({"early": None}, {"early": {"steps": 0.3}}):
        with pytest.raises(RunChanged, match="early pictures. Leave `early` as it was"):
            opened(study(tmp_path, **STUDY | {"seeds": SWEEP | changed}), out)
    plain = tmp_path / "plain"
    opened(study(tmp_path, **STUDY | {"seeds": SWEEP | {"early": None}}), plain)
    with pytest.raises(RunChanged, match="was begun without early pictures"):
        opened(study(tmp_path, **STUDY), plain)
