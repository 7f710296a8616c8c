"""Ways to come to four pictures of a prompt, each against random sets of four, on prompts that chose no seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.experiments.diverse_table.group_choice import best_group
from seedscope.analysis.experiments.diverse_table.sets import Pictures, Sets, Worth, random_sets, same_for_all, worth_of
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.witness import Witness
from seedscope.analysis.select.diversity import mean_interval

K = 4
"""Pictures of a prompt, as in the published table."""
LEVEL = 0.95
RANDOM = "random seeds"
DIVERSE = "diverse seeds"
DRAWS, WITNESSED, CHOICES = 400, 25, 12
"""Random sets; of these, those whose distance is taken; and draws of candidates that a group is chosen from."""
WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0)
"""Of unlikeness in group inference, where scores and cosines have a standard deviation of 1 within prompts."""


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts, its difference from that of random sets, and the interval of the latter; None for one group."""

    value: float
    difference: float
    interval: tuple[float, float] | None

    @property
    def sure(self) -> int:
        """-1 or 1 where the difference is surely below or above 0, else 0."""
        if self.interval is None:
            return 0
        return -1 if self.interval[1] < 0 else 1 if self.interval[0] > 0 else 0


@dataclass(frozen=True)
class Contender:
    """A way, at one setting.

    values: `similarity`, `vendi`, `quality` and `witness` -> estimate. setting: a number that orders the settings of a way.
    extra: pictures a prompt beyond the four that are shown. seconds: of drawing, a prompt. c: what the push of Particle
    Guidance is multiplied by, the median of all sets.
    """

    way: str
    label: str
    setting: float
    values: dict[str, Estimate]
    extra: int
    seconds: float | None
    c: float | None = None

    @property
    def name(self) -> str:
        return f"{self.way}, {self.label}" if self.label else self.way


@dataclass(frozen=True)
class Chance:
    """Random sets. spread: name -> the range of 95 % of them, means over prompts. p: how many are as unlike as the diverse
    seeds are, (b + 1) / (draws + 1); None without diverse seeds."""

    worth: Worth
    spread: dict[str, tuple[float, float]]
    p: float | None


@dataclass(frozen=True, eq=False)
class Ground:
    """What all ways are judged on: the run's pictures of some prompts, the groups (P,) of these, the distance to real
    pictures, and how long a picture takes to draw, where that is known."""

    pictures: Pictures
    groups: npt.NDArray[np.str_]
    distance: Witness | None
    better: Better
    seconds: float | None

    def estimates(self, worth: Worth, against: dict[str, Array]) -> dict[str, Estimate]:
        """Of a way's sets, paired by prompt with what random sets have (P,)."""
        found = {}
        for name, values in worth.named().items():
            own = values.mean(axis=1)
            apart = own - against[name]
            interval = mean_interval(apart, self.groups, LEVEL)
            found[name] = Estimate(float(own.mean()), float(apart.mean()), interval)
        return found

    def worth(self, sets: Sets) -> Worth:
        return worth_of(self.pictures, sets, self.distance)


def chance_of(ground: Ground, diverse: Sequence[int], rng: np.random.Generator) -> Chance:
    """Random sets of the run's seeds. diverse: columns of the diverse seeds; none: there are none."""
    prompts, columns = ground.pictures.scores.shape
    drawn = random_sets(columns, K, DRAWS, rng)
    every = worth_of(ground.pictures, same_for_all(drawn, prompts), None)
    some = None if ground.distance is None else ground.worth(same_for_all(drawn[:WITNESSED], prompts)).witness
    worth = Worth(every.similarity, every.vendi, every.quality, some)
    low, high = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    spread = {name: _pair(np.quantile(values.mean(axis=0), [low, high])) for name, values in worth.named().items()}
    if not len(diverse):
        return Chance(worth, spread, None)
    own = worth_of(ground.pictures, same_for_all([list(diverse)], prompts), None).similarity.mean()
    beaten = int((worth.similarity.mean(axis=0) <= own + 1e-12).sum())
    return Chance(worth, spread, (beaten + 1) / (DRAWS + 1))


def means(worth: Worth) -> dict[str, Array]:
    """(P,) means over the sets of each prompt."""
    return {name: values.mean(axis=1) for name, values in worth.named().items()}


def of_random(ground: Ground, chance: Chance) -> Contender:
    """The random sets themselves: their differences are 0."""
    values = {name: Estimate(float(each.mean()), 0.0, None) for name, each in means(chance.worth).items()}
    return Contender(RANDOM, "", 0.0, values, 0, _times(ground.seconds, K))


def of_diverse(ground: Ground, chance: Chance, diverse: Sequence[int]) -> Contender:
    """Diverse seeds, the same for all prompts; columns of the run's pictures."""
    sets = same_for_all([list(diverse)], len(ground.pictures.prompts))
    values = ground.estimates(ground.worth(sets), means(chance.worth))
    return Contender(DIVERSE, "", 0.0, values, 0, _times(ground.seconds, K))


def of_groups(ground: Ground, chance: Chance, candidates: int, rng: np.random.Generator) -> list[Contender]:
    """Group inference, four of `candidates` random seeds of the run, at each weight of unlikeness."""
    pictures = ground.pictures
    prompts, columns = pictures.scores.shape
    draws = 1 if candidates == columns else CHOICES
    offered = [random_sets(columns, candidates, draws, rng) for _ in range(prompts)]
    scores = (pictures.scores if ground.better == "higher" else -pictures.scores) / _deviation(pictures.scores)
    off = ~np.eye(columns, dtype=np.bool_)
    width = float(np.sqrt(np.mean([np.var(pictures.cosines(prompt)[off]) for prompt in range(prompts)]))) or 1.0
    chosen = np.empty((len(WEIGHTS), prompts, draws, K), dtype=np.intp)
    for prompt, own in enumerate(scores):  # cosines of one prompt at a time: those of all may not fit into memory
        unlike = (1 - pictures.cosines(prompt)) / width
        for draw, some in enumerate(offered[prompt]):
            among = unlike[np.ix_(some, some)]
            for number, weight in enumerate(WEIGHTS):
                chosen[number, prompt, draw] = some[best_group(own[some], among, weight, K)]
    found = []
    for weight, sets in zip(WEIGHTS, chosen, strict=True):
        values = ground.estimates(ground.worth(sets), means(chance.worth))
        label = f"weight {weight:g}"
        seconds = _times(ground.seconds, candidates)
        found.append(Contender(f"4 of {candidates}", label, weight, values, candidates - K, seconds))
    return found


def of_particles(
    ground: Ground, pushed: Pictures, way: str, strength: float, seconds: float | None, c: float | None
) -> Contender:
    """Sets that were drawn together, against the same seeds drawn alone; four columns after one another are a set."""
    prompts, columns = pushed.scores.shape
    place = {seed: number for number, seed in enumerate(ground.pictures.seeds)}
    sets = np.arange(columns).reshape(-1, K)
    alone = np.array([place[seed] for seed in pushed.seeds], dtype=np.intp).reshape(-1, K)
    rows = [ground.pictures.prompts.index(prompt) for prompt in pushed.prompts]
    if rows != list(range(len(ground.pictures.prompts))):
        raise ValueError("the prompts that were drawn together are not those of the run's pictures")
    plain = means(ground.worth(same_for_all(alone, prompts)))
    values = ground.estimates(worth_of(pushed, same_for_all(sets, prompts), ground.distance), plain)
    return Contender(way, f"strength {strength:g}", strength, values, 0, _times(seconds, K), c)


def _deviation(values: Array) -> float:
    """Standard deviation within prompts, of (P, n); 1 where there is none."""
    within = float(np.sqrt(np.mean(np.var(values, axis=1))))
    return within or 1.0


def _times(seconds: float | None, pictures: int) -> float | None:
    return None if seconds is None else seconds * pictures


def _pair(values: Array) -> tuple[float, float]:
    return float(values[0]), float(values[1])
