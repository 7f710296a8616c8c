"""The confirmation of a sweep: which seeds are drawn in it, and which of them can be on the list."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from played_sweep import made, opened, planted, played, study

from seedscope.analysis.experiments.identify.crossed_pictures import crossed_pictures
from seedscope.analysis.judging import judge as judging
from seedscope.analysis.judging.golden_rules import Choice, choose
from seedscope.analysis.judging.judge import Judged, judge
from seedscope.analysis.judging.race import decide as deciding
from seedscope.analysis.judging.race.decide import decide, refuse_other_decisions
from seedscope.analysis.run.parts import judged_part
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.study.prompts import Prompt

Barred = dict[int, str]


def noise(prompt: Prompt, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng([int(prompt.id, 16), seed]).integers(0, 255, (8, 8, 3), np.uint8)


def chosen(run: DrawnRun) -> tuple[Judged, Choice]:
    part = judged_part(run)
    judged = judge(part)
    choice = choose(part, judged)
    assert {*choice.seeds} <= {row.seed for row in judged.ranking.ranked}, "a list says where each of its seeds stands"
    return judged, choice


def test_copies_of_a_seed_are_not_golden_beside_it(tmp_path: Path) -> None:
    """Of a model that reads half of the bits of a seed."""
    low, (_, score) = 16, planted(16, 0.5)
    run = opened(study(tmp_path), tmp_path / "run")
    run = played(run, lambda prompt, seed: score(prompt, seed % low), lambda prompt, seed: noise(prompt, seed % low))
    assert run.race is not None and run.race.golden is not None
    assert len({seed % low for seed in run.race.golden}) == len(run.race.golden)
    _, choice = chosen(run)
    assert (
        choice.seeds and f"Seed {run.race.golden[0] + low} is passed over: it has the same pictures" in choice.sentence
    )
    assert not refuse_other_decisions(run, trust_bytes=False)


def test_a_golden_seed_without_a_score_on_the_held_out_prompts_is_named_and_not_on_the_list(tmp_path: Path) -> None:
    effects, score = planted(32, 0.7)
    run = opened(study(tmp_path), tmp_path / "run")
    assert run.race is not None
    best, held_out = int(effects.argmax()), {prompt.id for prompt in run.race.held_out}
    run = played(
        run, lambda prompt, seed: None if seed == best and prompt.id in held_out else score(prompt, seed), noise
    )
    assert run.race is not None and best in (run.race.golden or ())
    _, choice = chosen(run)
    assert len(choice.seeds) == 3 and best not in choice.seeds
    assert "1 of these cannot be confirmed" in choice.sentence and f"another seed: {best}." in choice.sentence


def test_seeds_whose_pictures_fail_are_not_drawn_again_and_do_not_stop_the_end(tmp_path: Path) -> None:
    effects, score = planted(32, 0.7)
    never, worst = (int(seed) for seed in np.argsort(effects)[:2])
    sweep = {"among": "0-31", "golden": 4, "budget": 640, "random": 28}
    run = opened(study(tmp_path, seeds=sweep), tmp_path / "run")
    assert run.race is not None
    held_out = {prompt.id for prompt in run.race.held_out}

    def picture(prompt: Prompt, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
        return None if seed == never or (seed == worst and prompt.id in held_out) else noise(prompt, seed)

    run = played(run, score, picture)
    assert run.race is not None and run.race.golden is not None
    assert never not in run.race.rounds[-1].seeds and worst in run.race.rounds[-1].seeds
    judged, choice = chosen(run)
    assert len(choice.seeds) == 4 and judged.failed == (worst,)
    assert f"Of 1 random seed(s) every held-out picture failed, and they are left out: {worst}." in choice.sentence


def by_distance_without(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that distances leave out, once something has been judged."""
    found = list[int]()

    def ranked(run: DrawnRun, references: object, by: object, rng: object, without: Iterable[int]) -> dict[str, object]:
        found.extend(without)
        return {}

    monkeypatch.setattr(judging, "ranked_by_distance", ranked)
    return found


def test_a_random_seed_that_goes_out_when_it_is_drawn_ahead_is_not_judged_and_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects, score = planted(32, 0.7)
    run = opened(study(tmp_path), tmp_path / "run")
    assert run.race is not None
    held_out, first = ({prompt.id for prompt in some} for some in (run.race.held_out, run.race.racing[:5]))
    gone = max(run.race.order[:6], key=lambda seed: effects[seed])  # stays in after the first round

    def lacking(prompt: Prompt, seed: int) -> float | None:
        if seed == gone and prompt.id not in first:
            return 100.0 if prompt.id in held_out and int(prompt.id, 16) % 2 else None
        return score(prompt, seed)

    run = played(run, lacking, noise)
    assert run.race is not None and run.race.golden is not None and gone in run.race.rounds[1].seeds
    assert run.race.rounds[1].ahead is not None and gone in run.race.rounds[1].ahead.seeds
    last = run.race.rounds[-1]
    random = [seed for seed in run.race.order if seed not in run.race.golden and seed != gone][:12]
    assert {*last.seeds} == {*run.race.golden, *random} and last.why["left out"] == [gone]
    part, without = judged_part(run), by_distance_without(monkeypatch)
    assert part.outside == {gone} and gone in {seed for unit in part.units for seed in unit.seeds}
    judged, choice = chosen(run)
    assert gone not in judged.scores("clip_score").seeds and without == [gone] and len(choice.seeds) == 4
    assert f"they are none of the random ones: {gone}." in choice.sentence
    pictures = crossed_pictures(part, tmp_path / "pictures.u8")
    assert {*pictures.seeds} == {*last.seeds} and not pictures.missing
    assert not refuse_other_decisions(run, trust_bytes=False)


def test_a_sweep_whose_random_seeds_an_older_version_kept_in_stays_as_it_is(tmp_path: Path) -> None:
    effects, score = planted(32, 0.7)
    run = opened(study(tmp_path), tmp_path / "run")
    assert run.race is not None
    first = {prompt.id for prompt in run.race.racing[:5]}
    gone = max(run.race.order[:6], key=lambda seed: effects[seed])
    run = played(run, lambda prompt, seed: None if seed == gone and prompt.id not in first else score(prompt, seed))
    assert run.race is not None and run.race.golden is not None
    *rounds, last = run.race.rounds
    added = next(seed for seed in reversed(run.race.order) if seed in last.seeds and seed not in run.race.golden)
    seeds = tuple(seed for seed in range(32) if seed == gone or (seed in last.seeds and seed != added))
    why = {key: value for key, value in last.why.items() if key != "left out"}
    older = replace(run, race=replace(run.race, rounds=(*rounds, replace(last, seeds=seeds, why=why))))
    assert not refuse_other_decisions(older, trust_bytes=False)


def barring(which: Callable[[int], bool]) -> Callable[[DrawnRun], Callable[[Iterable[int]], Barred]]:
    """In place of `DegenerateSeeds`."""
    return lambda _: (
        lambda seeds: {seed: "their contrast is 0.0, the median seed's 24.6" for seed in seeds if which(seed)}
    )


def test_degenerate_seeds_are_passed_over_by_name_on_the_list_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects, score = planted(32, 0.7)
    best = int(effects.argmax())
    monkeypatch.setattr(deciding, "DegenerateSeeds", barring(lambda seed: seed == best))
    run = played(opened(study(tmp_path), tmp_path / "run"), score, noise)
    assert run.race is not None and len(run.race.golden or ()) == 4 and best not in (run.race.golden or ())
    said = f"Seed {best} is not golden although it would be by the rule: its pictures are degenerate: their contrast is 0.0"
    assert said in chosen(run)[1].sentence


def test_where_all_are_degenerate_nothing_more_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "DegenerateSeeds", barring(lambda _: True))
    run = played(opened(study(tmp_path), tmp_path / "run"), planted(32, 0.33)[1])
    assert run.race is not None and run.race.golden is None and len(run.race.rounds) == 3
    found = decide(run)
    assert found.round is None and "No seed is golden: all that are still in are passed over. Seed " in (
        found.stopped or ""
    )
    made(run, planted(32, 0.33)[1])
