"""What comes after a round of a sweep: who stays in, or which seeds are chosen, and beside which these are tried."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.copied_seeds import copied_seeds
from seedscope.analysis.judging.degenerate_seeds import DegenerateSeeds
from seedscope.analysis.judging.golden_sentences import not_of_degenerate_pictures
from seedscope.analysis.judging.race.outlook import (
    TOO_LITTLE,
    Ends,
    of_first_look,
    of_now,
    of_rule,
    outlook,
    too_little,
)
from seedscope.analysis.judging.race.scores import RaceScores, by_which, digest, race_scores, scored_otherwise
from seedscope.analysis.run.parts import raced, scored
from seedscope.analysis.run.race import LEFT_OUT, PASSED_OVER, Race
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
    ends = Ends.of(run, race)
    ahead = outlook(race, scores, ends, scores.digest)
    sentences = _of_lacking(scores, out)
    sentences += (of_first_look(race, scores.measure, ahead.look) if len(race.rounds) == 1 else of_now(ahead.now),)
    told = Decision(None, scores.measure, scores.better, sentences)
    if ahead.rule == TOO_LITTLE:
        return replace(told, stopped=too_little(race, scores.measure, ahead.look))
    why: dict[str, Json] = {"by": scores.measure, "scores": scores.digest, "lacking": [*scores.named(out)]}
    why |= {**by_which(run), **ahead.record(), "ends": ends.record()}
    if ahead.rule is None:
        return replace(told, round=replace(_next(run, race, scores, _out_so_far(race, scores, out)), why=why))
    last, passed_over = _last(run, race, scores, _out_so_far(race, scores, out))
    if not last.golden:
        return replace(
            told, stopped=" ".join(["No seed is golden: all that are still in are passed over.", *passed_over])
        )
    told = replace(told, sentences=(*sentences, *passed_over, f"The rounds end: {of_rule(ahead.rule)}."))
    why |= {"stopped": ahead.rule, PASSED_OVER: [*passed_over], LEFT_OUT: [*sorted(_drawn_ahead(race) - {*last.seeds})]}
    return replace(told, round=replace(last, why=why))


def refuse_other_decisions(run: DrawnRun, *, trust_bytes: bool = True) -> tuple[int, ...]:
    """Refuse rounds that the stored scores would decide otherwise, of a run whose rounds are drawn and measured.

    A round that an older version decided by a witness that it computed otherwise is not decided again from the same bytes.

    Args:
        trust_bytes: do not look again at scores whose bytes are those of then.

    Returns:
        The numbers of rounds whose scores have other bytes than then, and decide alike.

    Raises:
        RunChanged: a round is named.
    """
    race, changed = _race(run), list[int]()
    for number in range(1, len(race.rounds)):
        before, told = replace(run, race=replace(race, rounds=race.rounds[:number])), race.rounds[number]
        as_then = told.why.get("scores") == digest(before)
        if as_then and (trust_bytes or scored_otherwise(before, told)):
            continue
        if not as_then:
            changed.append(number + 1)
        if not _decides(before, told):
            raise RunChanged(
                f"{run.folder.storage.url}: the measurements from which round {number + 1} of the sweep was decided have "
                "changed since, and decide otherwise now. Restore them from a copy of the run, or choose another folder with "
                "--out."
            )
    return tuple(changed)


def decided_otherwise(run: DrawnRun) -> tuple[int, ...]:
    """The numbers of rounds that an older version decided by a witness that it computed otherwise."""
    race = _race(run)
    return tuple(number for number, told in enumerate(race.rounds[1:], 2) if scored_otherwise(run, told))


def _decides(run: DrawnRun, told: Round) -> bool:
    """Whether the scores of a run decide a round as it is told, and the rounds go on or end there. An older version, which did
    not record what ends them, is asked the first alone."""
    race, scores = _race(run), race_scores(run)
    out = _out_so_far(race, scores, lacking(scores.signed, scores.still_in))
    if told.golden is None:
        now = _next(run, race, scores, out)
    elif PASSED_OVER in told.why:
        now = _last(run, race, scores, out, drawn=LEFT_OUT not in told.why)[0]
    else:
        now = _last(run, race, scores, frozenset(), copies=True)[0]
    if replace(now, why={}) != replace(told, why={}):
        return False
    ends = Ends.recorded(told)
    return ends is None or outlook(race, scores, ends, str(told.why.get("scores"))).rule == told.why.get("stopped")


def _race(run: DrawnRun) -> Race:
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    return run.race


def _next(run: DrawnRun, race: Race, scores: RaceScores, out: Collection[int]) -> Round:
    """The next round: the better half of the seeds, with new prompts.

    Args:
        out: seeds that went out for lack of the measure; they are not drawn ahead, nor are copies of others.
    """
    stays = kept(scores.signed, scores.still_in, race.schedule[len(race.rounds)].seeds)
    copied = _copied(run, scores) if race.draws_ahead else {}
    early = race.schedule[len(race.rounds)].early
    return Round(race.next_prompts(), scores.named(stays), ahead=race.ahead({*out, *copied}), early=early)


def _out_so_far(race: Race, scores: RaceScores, out: Seeds) -> frozenset[int]:
    """The seeds that went out for lack of the measure, in any round."""
    return race.lacking.union(scores.named(out))


def _last(
    run: DrawnRun,
    race: Race,
    scores: RaceScores,
    out: Collection[int],
    *,
    copies: bool = False,
    drawn: bool = False,
) -> tuple[Round, tuple[str, ...]]:
    """The confirmation of the best seeds that are still in, and why others are not among them: their pictures are degenerate,
    or those of another seed.

    Args:
        out: seeds that went out for lack of the measure; they are none of the random ones.
        copies: may be golden, as they might be by an older version.
        drawn: seeds that a round drew ahead stay among the random ones, as they did by an older version.
    """
    barred, copied = dict[int, str](), {} if copies else _copied(run, scores)
    degenerate = DegenerateSeeds(raced(run))
    while True:
        free = scores.still_in & ~np.isin(scores.grid.seeds, [*barred, *copied])
        chosen = kept(scores.signed, free, race.rules.golden)
        if not (found := degenerate(scores.named(chosen))):
            break
        barred |= {seed: not_of_degenerate_pictures(seed, reason) for seed, reason in found.items()}
    golden = tuple(_best_first(scores, chosen))
    same = [_of_copy(seed, original) for seed, original in copied.items() if original in golden]
    never = {*out, *copied} - (_drawn_ahead(race, trial=False) if drawn else frozenset())
    return _confirmation(race, golden, never), (*barred.values(), *same)


def _copied(run: DrawnRun, scores: RaceScores) -> dict[int, int]:
    """Copy -> the seed that has the same pictures, of those that are still in."""
    return copied_seeds(raced(scored(run)), [scores.grid.without(scores.named(~scores.still_in))])


def _of_copy(seed: int, original: int) -> str:
    return f"Seed {seed} is passed over: it has the same pictures as seed {original}."


def _best_first(scores: RaceScores, chosen: Seeds) -> Iterator[int]:
    left = chosen.copy()
    while left.any():
        best = kept(scores.signed, left, 1)
        if not best.any():
            return
        yield from scores.named(best)
        left &= ~best


def _drawn_ahead(race: Race, *, trial: bool = True) -> frozenset[int]:
    """The seeds of which some of the confirmation is drawn already, by the trial too, or without it."""
    found = {seed for each in race.rounds if each.ahead is not None for seed in each.ahead.seeds}
    return frozenset(found.union(race.trial.seeds if trial and race.trial is not None else ()))


def _confirmation(race: Race, golden: tuple[int, ...], never: Collection[int]) -> Round:
    """Golden seeds and random ones of all others but `never`, on the prompts that were held out.

    Whether a seed is `never` one of them is known from the rounds alone. So random seeds are left out, and the next ones in
    order take their place, without a look at the scores that confirm, and golden ones are no likelier to seem better; that
    some of a seed's pictures are drawn already changes nothing.
    """
    count = race.confirmation.seeds - race.rules.golden
    if race.draws_ahead:
        random = [seed for seed in race.order if seed not in golden and seed not in never]
        wanted = {*golden, *random[:count]}
    else:
        others = np.array([seed for seed in race.rounds[0].seeds if seed not in golden and seed not in never], np.int64)
        rng = np.random.default_rng(int(fingerprint({"seeds": others.tolist(), "for": "random seeds"})[:16], 16))
        wanted = {*golden, *rng.choice(others, min(len(others), count), replace=False).tolist()}
    seeds = tuple(seed for seed in race.rounds[0].seeds if seed in wanted)
    return Round(tuple(prompt.id for prompt in race.held_out), seeds, golden)


def _of_lacking(scores: RaceScores, out: Seeds) -> tuple[str, ...]:
    named = scores.named(out)
    if not named:
        return ()
    some = f"{', '.join(map(str, named[:8]))}{', ...' if len(named) > 8 else ''}"
    return (f"{len(named)} seeds go out for lack of {scores.measure} in more than half of their prompts: {some}.",)
