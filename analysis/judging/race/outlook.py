"""What the rounds of a sweep so far say of its end: how much the seed decides, what is to be won, and whether to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from seedscope.analysis.judging.race.scores import RaceScores
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.race.effects_after import RaceEffects, effects_after
from seedscope.analysis.seeds.race.paired_bound import lucb_gap
from seedscope.analysis.seeds.race.posterior import Posterior, posterior
from seedscope.analysis.select.first_look import ENOUGH, FirstLook, first_look
from seedscope.analysis.select.racing import early_rounds, kept
from seedscope.analysis.select.stopped import Rule, Target, stopped
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.rounds import Round

TOO_LITTLE = "too little"


@dataclass(frozen=True)
class Ends:
    """What may end the rounds before their budget is spent.

    gain, recall: expected ones, as of `Target`; None: not by this rule. smallest: the effect that matters, in s.d. of a picture
    of one prompt. anyway: go on where the seed decides too little.
    """

    gain: float | None
    recall: float | None
    smallest: float
    anyway: bool

    @classmethod
    def of(cls, run: DrawnRun, race: Race) -> Self:
        """As the study says now."""
        target = race.asked.target
        gain, recall = (None, None) if target is None else (target.gain, target.recall)
        return cls(gain, recall, run.study.ranked.smallest, race.asked.anyway)

    @classmethod
    def recorded(cls, found: Round) -> Self | None:
        """As it was when a round was decided; None of one that an older version decided."""
        match found.why.get("ends"):
            case {"gain": gain, "recall": recall, "smallest": int() | float() as smallest, "anyway": bool(anyway)}:
                return cls(_number(gain), _number(recall), float(smallest), anyway)
        return None

    def record(self) -> dict[str, Json]:
        """For `recorded`."""
        return {"gain": self.gain, "recall": self.recall, "smallest": self.smallest, "anyway": self.anyway}


@dataclass(frozen=True, eq=False)
class Outlook:
    """After a round. look: at the end of all rounds. now: of the seeds that would be chosen now. rule: that ends the race now,
    `too little` among them; None where it goes on."""

    effects: RaceEffects
    look: FirstLook
    now: Posterior
    rule: Rule | str | None

    def record(self) -> dict[str, Json]:
        """What is kept of it with the next round, to three digits."""
        numbers = {"lambda": self.look.noise_ratio, "reliability": self.look.reliability}
        numbers |= {"lambda_lo": self.look.noise_ratio_lo, "lambda_hi": self.look.noise_ratio_hi}
        numbers |= {"gain": self.now.gain, "recall": self.now.recall}
        return {name: float(f"{value:.3g}") if np.isfinite(value) else None for name, value in numbers.items()}


def outlook(race: Race, scores: RaceScores, ends: Ends, digest: str) -> Outlook:
    """Look ahead, by the scores and the study alone.

    Early pictures may say that the seed decides too little, and nothing else that ends the rounds; once rounds went by them,
    that is not asked again, of the seeds that they have chosen. digest: of the scores when it was looked at first, which seeds
    the simulation.

    Raises:
        StatisticsError: no seed can be compared with another.
    """
    rng = np.random.default_rng(int(digest[:16], 16))
    golden, signed = race.rules.golden, scores.signed
    effects = effects_after(signed)
    # Finished pictures are known of those alone that early ones have kept.
    before = 0 if race.in_early else early_rounds(race.rules)
    look = first_look(signed, race.schedule[before:], golden, rng, scores.grid.groups, effects)
    chosen = kept(signed, scores.still_in, golden)
    now = posterior(effects, chosen, golden, rng)
    left = len(race.schedule) - len(race.rounds)
    if look.too_little and not ends.anyway and not before:
        return Outlook(effects, look, now, TOO_LITTLE)
    if race.in_early:
        return Outlook(effects, look, now, None)
    gap = lucb_gap(signed, chosen, effects.noise, sum(size.prompts for size in race.schedule[before:]))[0]
    target = Target(ends.gain, ends.recall, ends.smallest * float(np.sqrt(effects.noise)))
    return Outlook(effects, look, now, stopped(now, gap, target, left))


def of_first_look(race: Race, measure: str, found: FirstLook) -> str:
    """What is known before the second round."""
    share = found.share
    of_share = "" if share.share is None else f"{100 * share.share:.1f} % of the variance of {measure} is the seed's"
    if share.lo is not None and share.hi is not None:
        of_share += f" ({100 * share.lo:.1f} to {100 * share.hi:.1f}, 95 %)"
    final = sum(size.prompts for size in race.schedule)
    return (
        f"{of_share or f'No score of {measure} varies'}; the rest varies {_times(found.noise_ratio)} as much as seeds do "
        f"({_times(found.noise_ratio_lo)} to {_times(found.noise_ratio_hi)}). With the {final:,} prompts of the last ones the "
        f"reliability would be {found.reliability:.2f} (at most {found.reliability_hi:.2f}). To expect of this "
        f"sweep: {100 * found.race.gain:.0f} % of what the best {race.rules.golden} seeds are worth, and "
        f"{100 * found.race.recall:.0f} % of them; of all seeds with as many pictures {100 * found.uniform.gain:.0f} % and "
        f"{100 * found.uniform.recall:.0f} %."
    )


def too_little(race: Race, measure: str, found: FirstLook) -> str:
    """Why a sweep stops without a list."""
    return (
        f"The seed decides too little of {measure}: after {len(race.rounds)} of {len(race.schedule)} rounds it is known that "
        f"the ranking of the last seeds would have a reliability of at most {found.reliability_hi:.2f} with this budget, and "
        f"{ENOUGH:g} is asked for. No seed is golden. A larger budget may tell; `anyway: true` under `seeds` goes on with this "
        "one."
    )


def of_now(found: Posterior) -> str:
    """What the best seeds so far are expected to be worth."""
    return (
        f"Chosen now, the best seeds would be worth {100 * found.gain:.0f} % of what the truly best are, and "
        f"{100 * found.recall:.0f} % of these be among them."
    )


def of_rule(rule: str) -> str:
    """Why the rounds end, as part of a sentence."""
    return {
        "gain": "the expected gain that was asked for is reached",
        "recall": "the expected recall that was asked for is reached",
        "bound": "no seed that is out can be better than a chosen one by more than matters",
        "budget": "the budget of the rounds is spent",
    }[rule]


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _times(ratio: float) -> str:
    return f"{ratio:,.3g} times" if np.isfinite(ratio) else "any number of times"
