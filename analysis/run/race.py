"""A sweep as it stands: its rules, the order in which its rounds take the prompts, and the rounds that are decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from seedscope.analysis.run.apart import apart
from seedscope.analysis.run.same_sweep import other_prompts, refuse_other_rules
from seedscope.analysis.select.racing import (
    TRIAL_PROMPTS,
    RaceError,
    Rules,
    confirmation,
    early_rounds,
    refuse_untestable,
    schedule,
)
from seedscope.analysis.select.racing import Round as Size
from seedscope.pipeline.drawing.tasks.early_pictures import EarlyPictures
from seedscope.pipeline.errors import RunChanged, StudyError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Crossed, Edition
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.study.sweep import Sweep
from seedscope.pipeline.tables.rounds import Ahead, Drawn, Round, Trial, drawn_by, record, record_trial, trial

PASSED_OVER = "passed over"
"""Of the `why` of a confirmation: sentences on seeds that the rule takes and that are not golden."""

LEFT_OUT = "left out"
"""Of the `why` of a confirmation: seeds that went out of the rounds after some of their part in it was drawn."""

FEWEST_TRIED = 8
"""Seeds: of fewer ones ranks agree by luck."""

AHEAD = "ahead"
"""Of the `why` of the first round: the random seeds of the confirmation are drawn while the rounds are measured."""


@dataclass(frozen=True, eq=False)
class Race:
    """asked: the study's key `seeds`. prompts: all of the study. racing, held_out: those of the rounds, and those of the
    confirmation, in order. rounds: those that are decided; before the first one is recorded, that one as it will be.
    order: all seeds, in an order that no score has a part in: the first ones that are not golden are the random ones.
    trial: of early pictures, of a sweep that asks for them. trying: whether it is not over, so that no round is recorded."""

    asked: Sweep
    rules: Rules
    prompts: tuple[Prompt, ...]
    racing: tuple[Prompt, ...]
    held_out: tuple[Prompt, ...]
    rounds: tuple[Round, ...]
    order: tuple[int, ...]
    trial: Trial | None = None
    trying: bool = False

    @classmethod
    def of(
        cls,
        asked: Sweep,
        wanted: Edition,
        pictures: int,
        cause: Json,
        recorded: Sequence[Round],
        early: EarlyPictures | None = None,
    ) -> Self:
        """The race of a study's prompts and seeds.

        Args:
            cause: of the pictures, which orders the prompts.
            early: those of a sweep that asks for them.

        Raises:
            StudyError: there is no such race: a budget that is too small, prompts that run out.
            RunChanged: the recorded rounds have prompts that the study does not name.
        """
        finished = Rules(len(wanted.seeds), asked.golden, pictures, len(wanted.prompts), asked.random)
        if early is not None:
            finished = replace(finished, tried=early.cost)
        # Whether a trial speaks for early rounds is not known yet: these take more prompts, and so are asked first.
        rules = finished if early is None else replace(finished, early=early.cost)
        rng = np.random.default_rng(int(fingerprint({"cause": cause, "for": "rounds"})[:16], 16))
        try:
            last = confirmation(rules)
            if not recorded:
                refuse_untestable(rules)
            needed = max(sum(size.prompts for size in schedule(each)) for each in (rules, finished))
            racing, held_out = apart(wanted.prompts, needed, last.prompts, rng)
        except RaceError as reason:
            raise StudyError(f"seeds: {reason}") from None
        if recorded and not recorded[0].early:
            rules = finished
        sizes = schedule(rules)
        if early is not None and (last.seeds - rules.golden < FEWEST_TRIED or len(sizes) < 2):
            raise StudyError(
                f"seeds.early: a trial takes {FEWEST_TRIED} random seeds or more, and a sweep of two rounds or more, so that "
                "the last goes by finished pictures. Leave `early` out, or name more seeds."
            )
        first = Round(tuple(prompt.id for prompt in racing[: sizes[0].prompts]), wanted.seeds, early=sizes[0].early)
        drawn_by_lot = np.random.default_rng(int(fingerprint({"cause": cause, "for": "random seeds"})[:16], 16))
        order = tuple(drawn_by_lot.permutation(np.sort(np.array(wanted.seeds, np.int64))).tolist())
        tried_on = None
        if early is not None and asked.early is not None:
            ids = tuple(prompt.id for prompt in held_out[:TRIAL_PROMPTS])
            tried_on = Trial(ids, order[: last.seeds - rules.golden], asked.early.model_dump(mode="json"))
        rounds = tuple(recorded) or (first,)
        race = cls(
            asked, rules, wanted.prompts, racing, held_out, rounds, order, tried_on, early is not None and not recorded
        )
        known = {prompt.id for prompt in wanted.prompts}
        if any(prompt not in known for each in recorded for prompt in each.prompts):
            raise RunChanged(other_prompts("Its rounds"))
        return race

    @cached_property
    def schedule(self) -> tuple[Size, ...]:
        """Seeds and new prompts of each round, the confirmation not among them."""
        return schedule(self.rules)

    @property
    def confirmation(self) -> Size:
        """Seeds and prompts of the last block."""
        return confirmation(self.rules)

    @property
    def golden(self) -> tuple[int, ...] | None:
        """The seeds that were chosen, best first; None while rounds are to come."""
        return self.rounds[-1].golden

    @property
    def passed_over(self) -> list[str]:
        """Sentences on seeds that the rule takes and that are not golden; none while rounds are to come."""
        found = self.rounds[-1].why.get(PASSED_OVER)
        return [str(each) for each in found] if isinstance(found, list) else []

    @property
    def lacking(self) -> frozenset[int]:
        """The seeds that went out for lack of the measure, as far as that is recorded."""
        found = [each.why.get("lacking") for each in self.rounds]
        return frozenset(seed for each in found if isinstance(each, list) for seed in each if isinstance(seed, int))

    @property
    def still_in(self) -> tuple[int, ...]:
        """The seeds of the last round that was decided, the confirmation not counted."""
        return [each.seeds for each in self.rounds if each.golden is None][-1]

    @property
    def rounds_to_come(self) -> int:
        """How many rounds are not decided yet, the confirmation among them."""
        return 0 if self.golden is not None else len(self.schedule) + 1 - len(self.decided)

    def describe(self) -> str:
        """How far the sweep is, in words without a full stop."""
        last = self.rounds[-1]
        if self.trying and self.trial is not None:
            return (
                f"Trial: {len(self.trial.seeds):,} seeds, each with {len(self.trial.prompts):,} prompts, by early pictures "
                "and by finished ones"
            )
        if last.golden is not None:
            return (
                f"Confirmation: {len(last.golden)} chosen and {len(last.seeds) - len(last.golden)} random seeds, each with "
                f"{len(last.prompts):,} prompts that no round has used"
            )
        ahead = "" if last.ahead is None else f"; and ahead, {len(last.ahead.seeds):,} random seeds of the confirmation"
        return (
            f"Round {len(self.rounds)} of {len(self.schedule)}: {len(last.seeds):,} of {self.rules.seeds:,} seeds, each with "
            f"{len(last.prompts):,} new prompts{', by early pictures' if last.early else ''}{ahead}"
        )

    @property
    def decided(self) -> tuple[Round, ...]:
        """The rounds, none of which is there before a trial is over."""
        return () if self.trying else self.rounds

    @property
    def has_decided(self) -> bool:
        """Whether anything was decided by scores: which seeds stay, or whether early pictures are drawn."""
        return len(self.rounds) > 1 or (self.trial is not None and not self.trying)

    @property
    def in_early(self) -> bool:
        """Whether the last round goes by early pictures."""
        return self.rounds[-1].early

    def drawn(self, *, early: bool = False) -> list[Drawn]:
        """What the rounds draw, in order, of finished pictures, or of early ones."""
        return [each for each in drawn_by(self.decided, self.prompts, self.trial) if each.early == early]

    def blocks(self, *, early: bool = False) -> list[Crossed]:
        """What the rounds draw, in order: an ordinary block of prompts x seeds each."""
        return [each.block for each in self.drawn(early=early)]

    def to_come(self, *, early: bool = False) -> list[Crossed]:
        """What is not decided yet, in its sizes: which seeds it will have is not known.

        Of finished pictures the confirmation is the last of it.
        """
        if self.golden is not None:
            return []
        known = len(self.decided)
        used, seeds = sum(size.prompts for size in self.schedule[:known]), self.rounds[0].seeds
        found = list[Crossed]()
        for size in self.schedule[known:]:
            if size.early == early:
                found.append(Crossed(self.racing[used : used + size.prompts], seeds[: size.seeds]))
            used += size.prompts
        if early:
            return found
        blocks = [each.block for each in self.drawn() if each.confirms]
        there = sum(len(each.prompts) * len({*each.seeds} - self.lacking) for each in blocks)
        missing = self.confirmation.pictures - there
        # As many whole columns of it as are missing, and what is left of one.
        columns, rest = divmod(missing, len(self.held_out))
        found.append(Crossed(self.held_out, seeds[:columns]))
        return [*found, Crossed(self.held_out[:rest], seeds[:1])] if rest else found

    def sizes(self) -> list[Size]:
        """Seeds and new prompts of each round, the confirmation last, whether or not some of it is drawn ahead."""
        found = [
            Size(len(each.seeds), len(each.prompts), self.rules.early if each.early else 1.0) for each in self.decided
        ]
        return found if self.golden is not None else [*found, *self.schedule[len(found) :], self.confirmation]

    def ahead(self, never: Collection[int]) -> Ahead | None:
        """What the next round draws of the confirmation: its share of the random seeds, whichever seeds will be chosen.

        Each of the first ones in `order`, as many as are to be random, is in the confirmation whatever is decided: as a random
        seed, or as a golden one. Finished rounds but the first share them. never: seeds that are to be left out.
        """
        after = max(1, early_rounds(self.rules))
        if not self.draws_ahead or len(self.rounds) < after:
            return None
        random = self.order[: self.confirmation.seeds - self.rules.golden]
        shares = np.array_split(np.array(random, np.int64), len(self.schedule) - after)
        seeds = {*shares[len(self.rounds) - after].tolist()} - {*never}
        named = tuple(seed for seed in self.rounds[0].seeds if seed in seeds)
        return Ahead(tuple(prompt.id for prompt in self.held_out), named) if named else None

    @property
    def draws_ahead(self) -> bool:
        """Whether the confirmation is drawn ahead; not of sweeps that older versions began."""
        return AHEAD in self.rounds[0].why

    def next_prompts(self) -> tuple[str, ...]:
        """The ids of the new prompts of the next round."""
        used = sum(len(each.prompts) for each in self.rounds)
        size = self.schedule[len(self.rounds)].prompts
        return tuple(prompt.id for prompt in self.racing[used : used + size])

    def after_trial(self, *, kept: bool) -> Race:
        """With the first round by early pictures, or, where these are dropped, by finished ones; it is not recorded yet."""
        rules = self.rules if kept else replace(self.rules, early=1.0)
        ids = tuple(prompt.id for prompt in self.racing[: schedule(rules)[0].prompts])
        return replace(self, rules=rules, rounds=(Round(ids, self.rounds[0].seeds, early=kept),))

    def with_round(self, more: Round) -> Race:
        """With a round that has just been decided."""
        return replace(self, rounds=(*self.rounds, more))

    def began(
        self, storage: Storage, measured: str, reference: str | None = None, tried: Mapping[str, Json] | None = None
    ) -> Race:
        """The race, once its first round is recorded with the rules by which it is run; before that its trial, if there is one.

        Args:
            tried: what came of the trial, for the first round to say.
            measured: fingerprint of the feature that ranks the seeds.
            reference: that of the reference pictures which it is compared with; None where it is with none.

        Raises:
            RunChanged: it is recorded with other rules. What a record of an older version does not say is not asked.
        """
        seeds: dict[str, Json] = {
            "golden": self.rules.golden,
            "pictures": self.rules.pictures,
            "random": self.rules.random,
        }
        rules: dict[str, Json] = {
            "seeds": seeds if self.asked.hours is None else seeds | {"hours": self.asked.hours},
            "ranking.by": measured,
            "prompts": fingerprint([prompt.id for prompt in (*self.racing, *self.held_out)]),
            AHEAD: True,
        }
        if reference is not None:
            rules["reference"] = reference
        if self.trying and self.trial is not None:
            if (begun := trial(storage)) is None:
                record_trial(storage, replace(self.trial, why=rules))
            else:
                same = (begun.prompts, begun.seeds) == (self.trial.prompts, self.trial.seeds)
                refuse_other_rules(storage, begun.why, rules, same_blocks=same)
            if tried is None:
                return self
        if not self.rounds[0].why:
            first = replace(self.rounds[0], why=rules if tried is None else {**rules, "trial": dict(tried)})
            record(storage, 1, first)
            return replace(self, rounds=(first,), trying=False)
        same = set(self.rounds[0].seeds) == set(self.asked.among)
        refuse_other_rules(storage, self.rounds[0].why, rules, same_blocks=same)
        return self
