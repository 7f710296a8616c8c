"""A sweep as it stands: its rules, the order in which its rounds take the prompts, and the rounds that are decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from seedscope.analysis.run.apart import apart
from seedscope.analysis.select.racing import RaceError, Rules, confirmation, refuse_untestable, schedule
from seedscope.analysis.select.racing import Round as Size
from seedscope.pipeline.errors import RunChanged, StudyError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Crossed, Edition
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.study.sweep import Sweep
from seedscope.pipeline.tables.rounds import Round, blocks_of, record, rounds
from seedscope.pipeline.tables.run_folder import changes

PASSED_OVER = "passed over"
"""Of the `why` of a confirmation: sentences on seeds that the rule takes and that are not golden."""


@dataclass(frozen=True, eq=False)
class Race:
    """asked: the study's key `seeds`. prompts: all of the study. racing, held_out: those of the rounds, and those of the
    confirmation, in order. rounds: those that are decided; before the first one is recorded, that one as it will be."""

    asked: Sweep
    rules: Rules
    prompts: tuple[Prompt, ...]
    racing: tuple[Prompt, ...]
    held_out: tuple[Prompt, ...]
    rounds: tuple[Round, ...]

    @classmethod
    def of(cls, asked: Sweep, wanted: Edition, pictures: int, cause: Json, recorded: Sequence[Round]) -> Self:
        """The race of a study's prompts and seeds. cause: of the pictures, which orders the prompts.

        Raises:
            StudyError: there is no such race: a budget that is too small, prompts that run out.
            RunChanged: the recorded rounds have prompts that the study does not name.
        """
        rules = Rules(len(wanted.seeds), asked.golden, pictures, len(wanted.prompts), asked.random)
        rng = np.random.default_rng(int(fingerprint({"cause": cause, "for": "rounds"})[:16], 16))
        try:
            sizes = schedule(rules)
            if not recorded:
                refuse_untestable(rules)
            needed = sum(size.prompts for size in sizes)
            racing, held_out = apart(wanted.prompts, needed, confirmation(rules).prompts, rng)
        except RaceError as reason:
            raise StudyError(f"seeds: {reason}") from None
        first = Round(tuple(prompt.id for prompt in racing[: sizes[0].prompts]), wanted.seeds)
        race = cls(asked, rules, wanted.prompts, racing, held_out, tuple(recorded) or (first,))
        known = {prompt.id for prompt in wanted.prompts}
        if any(prompt not in known for each in recorded for prompt in each.prompts):
            raise RunChanged(_other_prompts("Its rounds"))
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
    def still_in(self) -> tuple[int, ...]:
        """The seeds of the last round that was decided, the confirmation not counted."""
        return [each.seeds for each in self.rounds if each.golden is None][-1]

    @property
    def to_come(self) -> int:
        """How many rounds are not decided yet, the confirmation among them."""
        return 0 if self.golden is not None else len(self.schedule) + 1 - len(self.rounds)

    def describe(self) -> str:
        """How far the sweep is, in words without a full stop."""
        last = self.rounds[-1]
        if last.golden is not None:
            return (
                f"Confirmation: {len(last.golden)} chosen and {len(last.seeds) - len(last.golden)} random seeds, each with "
                f"{len(last.prompts):,} prompts that no round has used"
            )
        return (
            f"Round {len(self.rounds)} of {len(self.schedule)}: {len(last.seeds):,} of {self.rules.seeds:,} seeds, each with "
            f"{len(last.prompts):,} new prompts"
        )

    def blocks(self) -> list[Crossed]:
        """What the rounds draw, in order: an ordinary block of prompts x seeds each."""
        return blocks_of(self.rounds, self.prompts)

    def planned(self) -> list[Crossed]:
        """`blocks`, with those that are to come in their sizes; which seeds these will have is not known yet."""
        used, seeds = sum(size.prompts for size in self.schedule[: len(self.rounds)]), self.rounds[0].seeds
        found = self.blocks()
        for size in self.schedule[len(self.rounds) :] if self.golden is None else []:
            found.append(Crossed(self.racing[used : used + size.prompts], seeds[: size.seeds]))
            used += size.prompts
        last = Crossed(self.held_out, seeds[: self.confirmation.seeds])
        return found if self.golden is not None else [*found, last]

    def next_prompts(self) -> tuple[str, ...]:
        """The ids of the new prompts of the next round."""
        used = sum(len(each.prompts) for each in self.rounds)
        size = self.schedule[len(self.rounds)].prompts
        return tuple(prompt.id for prompt in self.racing[used : used + size])

    def with_round(self, more: Round) -> Race:
        """With a round that has just been decided."""
        return replace(self, rounds=(*self.rounds, more))

    def began(self, storage: Storage, measured: str, reference: str | None = None) -> Race:
        """The race, once its first round is recorded with the rules by which it is run.

        Args:
            measured: fingerprint of the feature that ranks the seeds.
            reference: that of the real pictures which it is compared with; None where it is with none.

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
        }
        if reference is not None:
            rules["reference"] = reference
        if not self.rounds[0].why:
            first = replace(self.rounds[0], why=rules)
            record(storage, 1, first)
            return replace(self, rounds=(first,))
        then, now = dict(self.rounds[0].why), rules
        prompts_differ = then.pop("prompts") != now.pop("prompts")
        if found := "; ".join(changes(_said_by_both(then, now), _said_by_both(now, then))):
            raise RunChanged(
                f"{storage.url}: was begun as another sweep ({found}). Its rounds are laid out once: choose another folder "
                "with --out, or another name in the study."
            )
        if prompts_differ or set(self.rounds[0].seeds) != set(self.asked.among):
            raise RunChanged(f"{storage.url}: {_other_prompts('the rounds of its sweep')}")
        return self


def _said_by_both(one: Json, other: Json) -> Json:
    """The first of two records, without the keys that the second does not have."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _said_by_both(value, other[key]) for key, value in one.items() if key in other}
    return one


def _other_prompts(whose: str) -> str:
    return (
        f"{whose} are laid out for other prompts, groups of prompts, or seeds than the study names now. A sweep does not grow: "
        "put them back, or choose another folder with --out."
    )


def race_of(
    asked: Sweep | None,
    storage: Storage,
    wanted: Edition,
    cause: Json,
    *,
    begun: bool,
    rate: Callable[[], float | None],
) -> Race | None:
    """The race of a study that asks for a sweep; None of one that does not.

    Args:
        begun: whether anything has been drawn.
        rate: pictures a second, for a budget in hours; once the sweep has begun its rules keep what these came to.

    Raises:
        StudyError: there is no such race.
        RunChanged: the run was begun as a sweep, and is to be none, or the other way round.
    """
    recorded = rounds(storage)
    if (recorded and asked is None) or (asked is not None and not recorded and begun):
        was, now = ("in rounds", "all seeds") if recorded else ("with all seeds on all prompts", "a sweep")
        raise RunChanged(
            f"{storage.url}: was drawn {was}, and the study asks for {now}. Choose another folder with --out, or another name "
            "in the study."
        )
    if asked is None:
        return None
    pictures = asked.pictures
    if recorded and isinstance(then := recorded[0].why.get("seeds"), dict) and pictures is None:
        pictures = int(str(then["pictures"]))
    if pictures is None:
        if (speed := rate()) is None:
            raise StudyError(
                "seeds.hours: no rate is known of this model, sampling and features yet. `seedscope bench` of this study "
                "measures it here; or write the budget in pictures."
            )
        pictures = int((asked.hours or 0.0) * 3600 * speed)
    return Race.of(asked, wanted, pictures, cause, recorded)
