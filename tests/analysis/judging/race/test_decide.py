"""Rounds of a sweep: who stays is who has the best mean, recorded rounds are found again, and what may not be is a sentence."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from played_sweep import made, opened, planted, played, publish, study

from seedscope.analysis.judging.golden_rules import choose
from seedscope.analysis.judging.judge import judge
from seedscope.analysis.judging.race.cost import beside_uniform
from seedscope.analysis.judging.race.decide import decide, refuse_other_decisions
from seedscope.analysis.judging.race.table import write_race
from seedscope.analysis.judging.run_view import open_run
from seedscope.analysis.run.apart import apart
from seedscope.analysis.run.complete_prompts import with_complete_prompts
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.parts import block, confirming, judged_part, raced
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.select.racing import RaceError
from seedscope.pipeline.errors import RunChanged, UserError
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.tables.rounds import record


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The study and the folder of a sweep that has been played to its end; its seeds decide a third of the variance."""
    folder = tmp_path_factory.mktemp("sweep")
    path = study(folder)
    played(opened(path, folder / "run"), planted(32, 0.33)[1])
    return path, folder / "run"


def test_every_round_keeps_those_with_the_best_mean_over_its_prompts_so_far(finished: tuple[Path, Path]) -> None:
    effects, score = planted(32, 0.33)
    run = run_of(*finished)
    assert run.race is not None and run.race.golden is not None
    rounds, blocks = run.race.rounds, [each.block for each in run.race.drawn() if not each.confirms]
    assert [(len(each.seeds), len(each.prompts)) for each in rounds] == [(32, 5), (16, 10), (8, 20), (16, 10)]
    for number in range(1, 4):
        prompts = [item for each in blocks[:number] for item in each.prompts]
        means = {seed: np.mean([score(item, seed) for item in prompts]) for seed in rounds[number - 1].seeds}
        best = sorted(means, key=lambda seed: -means[seed])
        kept = rounds[number].golden or rounds[number].seeds
        assert set(kept) == set(best[: len(kept)])
        if rounds[number].golden:
            assert list(kept) == best[:4]
    ids = [prompt for each in rounds for prompt in each.prompts]
    assert len(set(ids)) == len(ids), "a prompt is drawn in one round alone"
    assert effects[list(run.race.golden)].mean() > np.sort(effects)[-8:].mean()
    assert sum(map(len, run.units)) == 32 * 5 + 16 * 10 + 8 * 20 + 16 * 10


def test_the_choice_is_confirmed_on_prompts_that_no_round_has_used(finished: tuple[Path, Path]) -> None:
    part = judged_part(run_of(*finished))
    assert len(part.wanted.prompts) == 10 and len(part.wanted.seeds) == 16
    judged = judge(part)
    choice = choose(part, judged)
    assert judged.ranking.table.num_rows == 16 and part.race is not None
    assert choice.seeds == list(part.race.golden or ()) and "confirmed" in choice.sentence
    assert choice.raced is not None and choice.raced.p <= 0.025
    assert choice.raced.interval is not None and choice.raced.interval[0] > 0
    golden, random = (judged.ranking.table.filter(mask) for mask in _of(judged.ranking.table["seed"], choice.seeds))
    gain = np.mean(golden["clip_score"].to_numpy()) - np.mean(random["clip_score"].to_numpy())
    assert choice.raced.gain == pytest.approx(gain, rel=1e-5)


def _of(column, seeds):  # type: ignore[no-untyped-def]
    found = np.isin(column.to_numpy(), seeds)
    return found, ~found


def test_of_the_confirmation_what_no_decision_changes_is_drawn_with_the_rounds_and_has_no_part_in_them(
    finished: tuple[Path, Path],
) -> None:
    run = run_of(*finished)
    assert isinstance(run, DrawnRun) and run.race is not None and run.race.golden is not None
    rounds, order = run.race.rounds, run.race.order
    ahead = [each.ahead.seeds if each.ahead else () for each in rounds]
    assert [len(each) for each in ahead] == [0, 6, 6, 0] and {*ahead[1], *ahead[2]} == {*order[:12]}
    assert {*order[:12]} <= {*rounds[-1].seeds} and set(order) == set(range(32))
    random = [seed for seed in order if seed not in run.race.golden][:12]
    assert {*rounds[-1].seeds} == {*random, *run.race.golden}
    held_out = {prompt.id for prompt in run.race.held_out}
    assert all({prompt.id for prompt in unit.prompts}.isdisjoint(held_out) for unit in raced(run).units)
    cells = [(prompt.id, seed) for unit in confirming(run).units for prompt, seed in unit.cells]
    assert len(cells) == len(set(cells)) == 16 * 10 and {seed for _, seed in cells} == {*rounds[-1].seeds}
    third = block(run, 3)
    assert sum(map(len, third.units)) == 8 * 20 + 6 * 10
    assert {unit.name for unit in third.units} <= {unit.name for unit in run.units}


def test_a_sweep_that_an_older_version_began_draws_its_confirmation_at_the_end(tmp_path: Path) -> None:
    path, out = study(tmp_path), tmp_path / "run"
    run = opened(path, out)
    assert run.race is not None
    first = run.race.rounds[0]
    (out / "rounds" / "0001.json").unlink()
    record(run.folder.storage, 1, replace(first, why={key: first.why[key] for key in first.why if key != "ahead"}))
    run = played(opened(path, out), planted(32, 0.33)[1])
    assert run.race is not None and run.race.golden is not None and not any(each.ahead for each in run.race.rounds)
    assert len(run.race.rounds[-1].seeds) == 16 and len(run.race.blocks()) == 4
    assert not refuse_other_decisions(run, trust_bytes=False)
    assert len(judged_part(run).wanted.seeds) == 16


def test_the_same_study_finds_its_rounds_again_and_looks_at_no_score(finished: tuple[Path, Path]) -> None:
    run = run_of(*finished)
    assert isinstance(run, DrawnRun) and run.race is not None
    refuse_other_decisions(run)
    for number in range(1, len(run.race.rounds)):
        before = replace(run, race=replace(run.race, rounds=run.race.rounds[:number]))
        assert decide(before).round == run.race.rounds[number]
    assert [unit.name for unit in open_run(finished[1]).units] == [unit.name for unit in run.units]


def test_what_no_seed_decides_stops_with_a_sentence_unless_it_is_to_go_on(tmp_path: Path) -> None:
    sweep = {"among": "0-399", "golden": 100, "budget": 4300, "random": 12}
    run = played(opened(study(tmp_path, seeds=sweep), tmp_path / "run"), planted(400, 0.0)[1])
    found = decide(run)
    assert found.round is None and found.stopped is not None and run.race is not None and len(run.race.rounds) == 1
    assert "The seed decides too little of clip_score" in found.stopped and "`anyway: true`" in found.stopped
    again = opened(study(tmp_path, seeds=sweep | {"anyway": True}), tmp_path / "run")
    assert decide(again).round is not None


def test_a_target_ends_the_rounds_early(tmp_path: Path) -> None:
    _, score = planted(32, 0.9)
    sweep = {"among": "0-31", "golden": 4, "budget": 640, "random": 12, "target": {"gain": 0.9}}
    run = played(opened(study(tmp_path, seeds=sweep), tmp_path / "run"), score)
    assert run.race is not None and run.race.golden is not None and len(run.race.rounds) == 2
    part = judged_part(run)
    choice = choose(part, judge(part))
    assert choice.raced is not None and choice.raced.stopped == "gain" and (choice.raced.expected_gain or 0) >= 0.9
    drawn = sum(len(each.seeds) * len(each.prompts) for each in run.race.rounds)
    assert f"such a sweep of {drawn:,} pictures" in beside_uniform(run.race)[0], "not of the rounds that were not drawn"
    assert not refuse_other_decisions(run, trust_bytes=False)
    rounds = run.race.rounds
    for why in ({"stopped": "budget"}, {"ends": rounds[-1].why["ends"] | {"gain": 0.999999}}):  # type: ignore[operator]
        otherwise = (*rounds[:-1], replace(rounds[-1], why={**rounds[-1].why, **why}))
        with pytest.raises(RunChanged, match="round 2 of the sweep"):
            refuse_other_decisions(replace(run, race=replace(run.race, rounds=otherwise)), trust_bytes=False)


def test_rounds_that_an_older_version_decided_are_found_again(finished: tuple[Path, Path]) -> None:
    run = run_of(*finished)
    assert isinstance(run, DrawnRun) and run.race is not None
    kept = {"by", "scores", "lacking", "lambda", "gain", "recall", "reliability", "stopped"}
    older = [replace(each, why={key: each.why[key] for key in each.why if key in kept}) for each in run.race.rounds[1:]]
    run = replace(run, race=replace(run.race, rounds=(run.race.rounds[0], *older)))
    assert not refuse_other_decisions(run, trust_bytes=False)


def test_every_seed_has_a_row_with_the_prompts_that_it_had(finished: tuple[Path, Path]) -> None:
    effects, _ = planted(32, 0.33)
    run = run_of(*finished)
    assert isinstance(run, DrawnRun) and run.race is not None
    table = pq.read_table(write_race(run))
    assert sorted(table["seed"].to_pylist()) == list(range(32))
    assert Counter(table["prompts"].to_pylist()) == {5: 16, 15: 8, 35: 8}
    assert Counter(table["rounds"].to_pylist()) == {1: 16, 2: 8, 3: 8}
    assert {seed for seed, chosen in zip(*_columns(table, "seed", "chosen"), strict=True) if chosen} == set(
        run.race.golden or ()
    )
    seeds, lo, hi = (np.array(column) for column in _columns(table, "seed", "lo", "hi"))
    truth = effects[seeds] - np.median(effects)
    assert ((lo <= truth) & (truth <= hi)).sum() >= 27
    assert np.corrcoef(np.array(table["effect"]), truth)[0, 1] > 0.7


def _columns(table: pa.Table, *names: str) -> list[list[float]]:
    return [table[name].to_pylist() for name in names]


def test_a_seed_that_lacks_the_measure_goes_out_by_name(tmp_path: Path) -> None:
    _, score = planted(32, 0.33)
    run = opened(study(tmp_path), tmp_path / "run")
    made(run, lambda item, seed: None if seed in (3, 30) else score(item, seed) + 100 * (seed == 4))
    found = decide(run)
    assert found.round is not None and {3, 30}.isdisjoint(found.round.seeds) and len(found.round.seeds) == 16
    assert found.round.why["lacking"] == [3, 30] and "2 seeds go out for lack of clip_score" in found.sentences[0]


def test_measurements_that_decide_otherwise_now_are_refused_and_others_are_not(tmp_path: Path) -> None:
    _, score = planted(32, 0.33)
    path = study(tmp_path)
    run = played(opened(path, tmp_path / "run"), score)
    table, unit = run.measures[0].table, run.units[0]
    for change, fits in ((1e-6, True), (50.0, False)):
        table.revoke(unit.name)
        changed = lambda item, seed, by=change: score(item, seed) + by * (seed % 2)  # noqa: E731
        run.images.revoke(unit.name)
        publish(run.images, table, unit, changed)
        if fits:
            assert refuse_other_decisions(run) == (2, 3, 4), "told, though they decide alike"
            continue
        with pytest.raises(RunChanged, match="round 2 of the sweep was decided have changed"):
            refuse_other_decisions(run)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": {"among": "0-31", "golden": 4, "budget": 100}}, "budget of 100 pictures is too small"),
        ({"seeds": {"among": "0-31", "golden": 4, "budget": 6400}}, "takes .* prompts, and there are 60"),
        ({"seeds": {"among": "0-31", "golden": 32, "budget": 640}}, "32 golden seeds among 32 leave nothing to choose"),
        (
            {"prompts": [{"grid": {"objects": ["cat"], "modifiers": [f"{i}" for i in range(60)]}}]},
            "three groups or more",
        ),
        ({"model": "sprout", "sampling": {"steps": 4}, "task": {"particles": {"set": 4}}}, "drawn in sets of 4"),
        ({"seeds": {"among": "0-31", "golden": 4, "hours": 1}}, "no rate is known of this model"),
    ],
)
def test_what_cannot_be_raced_is_a_sentence_before_any_work(
    changes: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said) as told:
        run_of(study(tmp_path, **changes), tmp_path / "run")
    assert "study.yaml" in str(told.value) and not (tmp_path / "run").exists()


def test_a_sweep_stays_as_it_was_begun(tmp_path: Path) -> None:
    out = tmp_path / "run"
    opened(study(tmp_path), out)
    sweep = {"among": "0-31", "golden": 4, "budget": 640, "random": 12}
    opened(study(tmp_path, seeds=sweep | {"target": {"gain": 0.9}, "anyway": True}), out)
    for changes, said in (
        ({"seeds": sweep | {"budget": 700}}, "seeds.pictures was 640 and is now 700"),
        ({"seeds": sweep | {"among": "0-32"}}, "laid out for other prompts, groups of prompts, or seeds"),
        ({"prompts": [f"thing {i}" for i in range(61)]}, "laid out for other prompts"),
        ({"prompts": [f"thing {i}" for i in range(1, 61)]}, "laid out for other prompts"),
        ({"seeds": "0-31"}, "was drawn in rounds, and the study asks for all seeds"),
    ):
        with pytest.raises(RunChanged, match=said):
            opened(study(tmp_path, **changes), out)
    plain = tmp_path / "plain"
    opened(study(tmp_path, seeds="0-31"), plain)
    with pytest.raises(RunChanged, match="with all seeds on all prompts, and the study asks for a sweep"):
        opened(study(tmp_path), plain)
    run = run_of(study(tmp_path), out)
    with pytest.raises(UserError, match="its sweep is in round 1 of 3"):
        judged_part(run)
    with pytest.raises(UserError, match="without --complete-prompts"):
        with_complete_prompts(run)


def test_no_group_of_prompts_is_in_a_round_and_in_the_confirmation() -> None:
    prompts = [prompt(f"a {colour} {thing}", thing) for thing in "abcdefghi" for colour in ("red", "blue", "green")]
    rng = np.random.default_rng
    racing, held_out = apart(prompts, 12, 5, rng(1))
    assert len(racing) == 12 and len(held_out) == 5
    assert len({item.group for item in held_out}) == 3 and len({item.group for item in racing[:6]}) == 6
    assert {item.group for item in racing}.isdisjoint(item.group for item in held_out)
    assert apart(prompts[::-1], 12, 5, rng(1)) == (racing, held_out)
    assert apart(prompts, 12, 5, rng(2)) != (racing, held_out)
    assert len({item.group for item in apart(prompts, 21, 5, rng(1))[1]}) == 2, "as many as the rounds leave"
    with pytest.raises(RaceError, match="cannot be parted so"):
        apart(prompts, 22, 4, rng(1))
