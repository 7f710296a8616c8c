"""How many prompts and pictures it takes to find the best seeds, by a uniform sweep and by a race: a power analysis of studies.

Of a uniform sweep of normal effects the gain is known: the mean true effect of the seeds that measure best over that of the
truly best ones is the root of the reliability m / (m + lambda). All else is simulated.
Source: for the root Cochran (1951), "Improvement by Means of Selection"; for the reliability Brennan (2001),
"Generalizability Theory", section 2.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

import numpy as np

from seedscope.analysis.select.racing import Round, Rules, confirmation, least_pictures, schedule
from seedscope.analysis.select.simulated_race import Outcome, simulated

Aim = Literal["gain", "recall"]
MOST_PROMPTS = 1_000_000
_CLOSE = 1.02
"""Two budgets nearer to each other than by this factor are one."""


@dataclass(frozen=True)
class Design:
    """The rounds of a sweep (of a uniform one a single round), the block that confirms its choice, and what it finds of
    simulated seeds. spent: on a trial before the rounds, in finished pictures."""

    rounds: tuple[Round, ...]
    confirmation: Round
    found: Outcome
    spent: int = 0

    @property
    def prompts(self) -> int:
        """All of them, those of the confirmation too."""
        return sum(block.prompts for block in (*self.rounds, self.confirmation))

    @property
    def pictures(self) -> int:
        """All of them, those of the trial and of the confirmation too."""
        return self.spent + sum(block.pictures for block in (*self.rounds, self.confirmation))


@dataclass(frozen=True)
class Needed:
    """The smallest design of each kind that reaches an aim; None where a million prompts do not."""

    uniform: Design | None
    race: Design | None


@dataclass(frozen=True)
class BesideUniform:
    """A race beside the uniform sweep of the same expected gain, and that of as many pictures."""

    race: Design
    equal_gain: Design
    equal_cost: Design

    @property
    def cheaper(self) -> float:
        """Pictures of the uniform sweep of equal gain over those of the race."""
        return self.equal_gain.pictures / self.race.pictures


@dataclass(frozen=True)
class Power:
    """Seeds to choose from and how many are wanted, and lambda: the variance of the rest of a score over that of seed effects,
    above 0. random: seeds beside which golden ones are confirmed; that takes a quarter of the pictures of either design."""

    seeds: int
    golden: int
    noise_ratio: float
    random: int = 64

    def uniform(self, prompts: int, rng: np.random.Generator) -> Design:
        """All seeds on all prompts."""
        block, beside = Round(self.seeds, prompts), self.golden + min(self.random, self.seeds - self.golden)
        return self._design((block,), Round(beside, max(round(block.pictures / 3 / beside), 2)), rng)

    def race(self, rules: Rules, rng: np.random.Generator) -> Design:
        """Raises RaceError where the rules allow no race."""
        return self._design(schedule(rules), confirmation(rules), rng, rules.spent)

    def needed(self, aim: Aim, wanted: float, rng: np.random.Generator) -> Needed:
        """What an expected gain or recall of `wanted`, in (0, 1), takes; budgets to 2 %, in the same simulated studies.

        Raises RaceError where there is nothing to choose.
        """
        state = rng.bit_generator.state

        def smallest(design: Callable[[int, np.random.Generator], Design], least: int, most: int) -> Design | None:
            def of(size: int) -> Design:
                rng.bit_generator.state = state
                return design(size, rng)

            return _smallest(of, lambda found: float(getattr(found, aim)) >= wanted, least, most)

        least = least_pictures(self._rules(1))
        race = smallest(lambda size, rng: self.race(self._rules(size), rng), least, MOST_PROMPTS * self.seeds)
        if aim == "recall":
            return Needed(smallest(self.uniform, 1, MOST_PROMPTS), race)
        prompts = prompts_for_gain(self.noise_ratio, wanted)
        return Needed(self.uniform(prompts, rng) if prompts <= MOST_PROMPTS else None, race)

    def beside_uniform(
        self, rules: Rules, rng: np.random.Generator, drawn: tuple[Sequence[Round], Round] | None = None
    ) -> BesideUniform:
        """Price a race beside uniform designs; one that is over by the rounds and the confirmation that were `drawn`.

        Raises:
            RaceError: the rules allow no race.
        """
        race = self.race(rules, rng) if drawn is None else self._design(tuple(drawn[0]), drawn[1], rng, rules.spent)
        beside = race.confirmation.seeds
        equal = prompts_for_gain(self.noise_ratio, min(max(race.found.gain, 0.01), 0.9999))
        as_many = max((race.pictures - 2 * beside) * 3 // 4 // self.seeds, 1)
        return BesideUniform(race, self.uniform(equal, rng), self.uniform(as_many, rng))

    def _rules(self, pictures: int) -> Rules:
        return Rules(self.seeds, self.golden, pictures, MOST_PROMPTS * self.seeds, self.random)

    def _design(self, rounds: tuple[Round, ...], last: Round, rng: np.random.Generator, spent: int = 0) -> Design:
        return Design(rounds, last, simulated(rounds, self.golden, 1.0 / self.noise_ratio, rng), spent)


def prompts_for_gain(noise_ratio: float, gain: float) -> int:
    """Prompts with which a uniform sweep is expected to keep a share `gain`, in (0, 1), of what the best seeds are worth."""
    return max(ceil(noise_ratio * gain**2 / (1.0 - gain**2) - 1e-9), 1)


def _smallest(
    design: Callable[[int], Design], enough: Callable[[Outcome], bool], least: int, most: int
) -> Design | None:
    """The smallest design that is enough, by doubling and then by halving on a scale of factors."""
    low, high = least, least
    while not enough((found := design(high)).found):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high > max(low + 1, _CLOSE * low):
        middle = min(max(round(sqrt(low * high)), low + 1), high - 1)
        tried = design(middle)
        if enough(tried.found):
            found, high = tried, middle
        else:
            low = middle
    return found
