"""What comes after a round of a sweep: who stays in, or which seeds are chosen, and beside which these are tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.degenerate_seeds import DegenerateSeeds
from seedscope.analysis.judging.race.outlook import TOO_LITTLE, of_first_look, of_now, of_rule, outlook, too_little
from seedscope.analysis.judging.race.scores import RaceScores, digest, race_scores
from seedscope.analysis.run.parts import raced
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.select.racing import kept, lacking
from seedscope.pipeline.errors import RunChanged, UserError
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.rounds import Round

Seeds = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Decision:
    """round: what is drawn next; None where the sweep stops without a list, and `stopped` says why. measure, better: by which
    it goes. sentences: what a person is told of it."""

    round: Round | None
    measure: str
    better: Better
    sentences: tuple[str, ...] = ()
    stopped: str | None = None


def decide(run: DrawnRun) -> Decision:
    """The decision after the last round of a sweep, which is drawn and measured.

    A function of the stored scores and the study alone: whoever asks, whenever, gets the same.

    Raises:
        UserError: no seed has scores enough, or missing ones leave seeds without a prompt in common.
        CorruptShard: a shard is damaged, or missing.
    """
    race = _race(run)
    scores = race_scores(run)
    out = lacking(scores.signed, scores.still_in)
    if not (scores.still_in & ~out).any():
        raise UserError(
            f"{run.folder.storage.url}: no seed has a {scores.measure} of half of its prompts or more, so that none can stay "
            "in. `seedscope status` names the cells that failed."
        )
    ahead = outlook(race, scores, run.study.ranking.smallest)
    sentences = _of_lacking(scores, out)
    sentences += (of_first_look(race, scores.measure, ahead.look) if len(race.rounds) == 1 else of_now(ahead.now),)
    told = Decision(None, scores.measure, scores.better, sentences)
    if ahead.rule == TOO_LITTLE:
        return replace(told, stopped=too_little(race, scores.measure, ahead.look))
    why: dict[str, Json] = {"by": scores.measure, "scores": scores.digest, "lacking": [*scores.named(out)]}
    why |= ahead.record()
    if ahead.rule is None:
        return replace(told, round=replace(_next(race, scores), why=why))
    last, barred = _last(run, race, scores)
    told = replace(told, sentences=(*sentences, *barred, f"The rounds end: {of_rule(ahead.rule)}."))
    return replace(told, round=replace(last, why={**why, "stopped": ahead.rule}))


def refuse_other_decisions(run: DrawnRun, *, trust_bytes: bool = True) -> None:
    """Refuse rounds that the stored scores would decide otherwise, of a run whose rounds are drawn and measured.

    Args:
        trust_bytes: do not look again at scores whose bytes are those of then.

    Raises:
        RunChanged: a round is named.
    """
    race = _race(run)
    for number in range(1, len(race.rounds)):
        before, told = replace(run, race=replace(race, rounds=race.rounds[:number])), race.rounds[number]
        if trust_bytes and told.why.get("scores") == digest(before):
            continue
        race_before, scores = _race(before), race_scores(before)
        now = _next(race_before, scores) if told.golden is None else _last(before, race_before, scores)[0]
        if replace(now, why={}) != replace(told, why={}):
            raise RunChanged(
                f"{run.folder.storage.url}: the measurements from which round {number + 1} of the sweep was decided have "
                "changed since, and decide otherwise now. Restore them from a copy of the run, or choose another folder with "
                "--out."
            )


def _race(run: DrawnRun) -> Race:
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    return run.race


def _next(race: Race, scores: RaceScores) -> Round:
    """The next round: the better half of the seeds, with new prompts."""
    stays = kept(scores.signed, scores.still_in, race.schedule[len(race.rounds)].seeds)
    return Round(race.next_prompts(), scores.named(stays))


def _last(run: DrawnRun, race: Race, scores: RaceScores) -> tuple[Round, tuple[str, ...]]:
    """The confirmation of the best seeds that are still in, and why others are not among them: degenerate pictures."""
    degenerate, barred = DegenerateSeeds(raced(run)), dict[int, str]()
    while True:
        free = scores.still_in & ~np.isin(scores.grid.seeds, [*barred])
        chosen = kept(scores.signed, free, race.rules.golden)
        if not (found := degenerate(scores.named(chosen))):
            return _confirmation(race, tuple(_best_first(scores, chosen))), tuple(barred.values())
        barred |= found


def _best_first(scores: RaceScores, chosen: Seeds) -> Iterator[int]:
    left = chosen.copy()
    while left.any():
        best = kept(scores.signed, left, 1)
        if not best.any():
            return
        yield from scores.named(best)
        left &= ~best


def _confirmation(race: Race, golden: tuple[int, ...]) -> Round:
    """Golden seeds and random ones of all others, on the prompts that were held out."""
    others = np.array([seed for seed in race.rounds[0].seeds if seed not in golden], np.int64)
    rng = np.random.default_rng(int(fingerprint({"seeds": others.tolist(), "for": "random seeds"})[:16], 16))
    count = min(len(others), race.confirmation.seeds - race.rules.golden)
    wanted = {*golden, *rng.choice(others, count, replace=False).tolist()}
    seeds = tuple(seed for seed in race.rounds[0].seeds if seed in wanted)
    return Round(tuple(prompt.id for prompt in race.held_out), seeds, golden)


def _of_lacking(scores: RaceScores, out: Seeds) -> tuple[str, ...]:
    named = scores.named(out)
    if not named:
        return ()
    some = f"{', '.join(map(str, named[:8]))}{', ...' if len(named) > 8 else ''}"
    return (f"{len(named)} seeds go out for lack of {scores.measure} in more than half of their prompts: {some}.",)
