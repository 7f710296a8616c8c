"""A sweep as it stands: its rules, the order in which its rounds take the prompts, and the rounds that are decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Self

import numpy as np

from seedscope.analysis.select.racing import RaceError, Rules, confirmation, schedule
from seedscope.analysis.select.racing import Round as Size
from seedscope.pipeline.errors import RunChanged, StudyError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Crossed, Edition
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.study.sweep import Sweep
from seedscope.pipeline.tables.rounds import Round, blocks_of, record, rounds
from seedscope.pipeline.tables.run_folder import changes


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

    def began(self, storage: Storage, measured: str) -> Race:
        """The race, once its first round is recorded with the rules by which it is run. measured: fingerprint of the feature
        that ranks the seeds.

        Raises:
            RunChanged: it is recorded with other rules.
        """
        rules: dict[str, Json] = {
            "seeds": {"golden": self.rules.golden, "pictures": self.rules.pictures, "random": self.rules.random},
            "ranking.by": measured,
            "prompts": fingerprint([prompt.id for prompt in (*self.racing, *self.held_out)]),
        }
        if not self.rounds[0].why:
            first = replace(self.rounds[0], why=rules)
            record(storage, 1, first)
            return replace(self, rounds=(first,))
        then = dict(self.rounds[0].why)
        prompts_differ = then.pop("prompts") != rules.pop("prompts")
        if found := "; ".join(changes(then, rules)):
            raise RunChanged(
                f"{storage.url}: was begun as another sweep ({found}). Its rounds are laid out once: choose another folder "
                "with --out, or another name in the study."
            )
        if prompts_differ or set(self.rounds[0].seeds) != set(self.asked.among):
            raise RunChanged(f"{storage.url}: {_other_prompts('the rounds of its sweep')}")
        return self


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


def apart(
    prompts: Sequence[Prompt], racing: int, held_out: int, rng: np.random.Generator
) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...]]:
    """`racing` prompts for the rounds, and `held_out` others, of groups that no round has, each in an order of chance.

    Up to a third of the groups is held out, where so many are not needed for the rounds, so that errors over groups are known.
    Neighbours in the order are of different groups, so that every block has prompts of many. The order depends on the prompts,
    their groups and the generator alone.

    Raises:
        RaceError: prompts are of fewer than three groups, or these are too large to be kept apart.
    """
    members: dict[str, list[Prompt]] = {}
    for prompt in sorted(prompts, key=lambda each: each.id):
        members.setdefault(prompt.group, []).append(prompt)
    if len(members) < 3:
        raise RaceError(
            f"{len(prompts)} prompt(s) in {len(members)} group(s): a sweep confirms its choice on prompts of two other groups "
            "than it chose on; give prompts of three groups or more."
        )
    labels = [str(label) for label in rng.permutation(sorted(members))]
    groups = [[members[label][i] for i in rng.permutation(len(members[label]))] for label in labels]
    third = max(min(len(groups) // 3, held_out), 2)
    for last in (*range(third, 1, -1), *range(third + 1, len(groups))):
        for_rounds, others = groups[last:], groups[:last]
        if sum(map(len, others)) >= held_out and sum(map(len, for_rounds)) >= racing:
            return _in_turn(for_rounds)[:racing], _in_turn(others)[:held_out]
    raise RaceError(
        f"{racing:,} prompts for the rounds and {held_out:,} of other groups to confirm the choice are needed, and "
        f"{len(prompts):,} prompts in {len(groups)} groups cannot be parted so. Name more prompts or groups, or a smaller "
        "budget."
    )


def _in_turn(groups: Sequence[Sequence[Prompt]]) -> tuple[Prompt, ...]:
    """The first prompt of each group, then the second ones, ..."""
    return tuple(prompt for each in zip_longest(*groups) for prompt in each if prompt is not None)
