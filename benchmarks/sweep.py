"""The adaptive sweep beside the uniform one: on seeds whose truth is known, and on a finished run whose scores are drawn again.

    python benchmarks/sweep.py                  1,024 seeds, lambda = 2, 15, 74, 400: recall, gain, intervals after dropping
    python benchmarks/sweep.py --effects t5     the same with effects of heavy tails; also skewed ones
    python benchmarks/sweep.py --null           no effects at all: golden lists that are false, and when "too little" is said
    python benchmarks/sweep.py --replay STUDY   its finished run: adaptive at a tenth of the pictures beside a uniform sweep

The truth is simulated by blocks, not by cells: of a seed and block only the mean of its scores matters, which is normal, and of
all cells together the sum of squares, which is chi-square. `--replay` takes the scores of a run's own pictures: the prompts are
put in another order, the uniform sweep has the first three quarters of them, the adaptive one a tenth of those pictures, and
both lists are compared with all seeds on the last quarter, which neither has seen. Distances cannot be replayed; their witness
can.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.race.cells import Cells
from seedscope.analysis.seeds.race.effects_after import RaceEffects, effects_of
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.select.first_look import ENOUGH
from seedscope.analysis.select.held_out import LEVEL, against_random
from seedscope.analysis.select.racing import Round, Rules, confirmation, kept, schedule

Array = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]
EFFECTS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda rng, seeds: rng.standard_normal(seeds),
    "t5": lambda rng, seeds: rng.standard_t(5, seeds) / np.sqrt(5 / 3),
    "t3": lambda rng, seeds: rng.standard_t(3, seeds) / np.sqrt(3),
    "best few": lambda rng, seeds: rng.exponential(size=seeds) - 1.0,
    "worst few": lambda rng, seeds: 1.0 - rng.exponential(size=seeds),
    "uniform": lambda rng, seeds: rng.uniform(-1, 1, seeds) * np.sqrt(3),
    "none": lambda rng, seeds: 0.0 * rng.random(seeds),
}
"""True effects of variance 1, of mean 0."""


@dataclass
class Raced:
    """A race whose scores are known by their blocks: those of `Cells`, and who is in."""

    n: npt.NDArray[np.int64]
    total: Array
    sums: Array
    patterns: list[Array]
    squares: float
    freedom: int
    still_in: Chosen

    @classmethod
    def of(cls, seeds: int) -> Raced:
        return cls(np.zeros(seeds, np.int64), np.zeros(seeds), np.zeros(seeds), [], 0.0, 0, np.ones(seeds, np.bool_))

    def draw(self, effects: Array, noise: float, block: Round, rng: np.random.Generator) -> None:
        """A block of prompts with those who are in."""
        seeds, prompts = np.flatnonzero(self.still_in), block.prompts
        means = effects[seeds] + np.sqrt(noise / prompts) * rng.standard_normal(len(seeds))
        centred = means - means.mean()
        self.n[seeds] += prompts
        self.total[seeds] += prompts * means
        self.sums[seeds] += prompts * centred
        self.squares += prompts * float(centred @ centred)
        if prompts > 1:
            self.squares += noise * float(rng.chisquare((prompts - 1) * (len(seeds) - 1)))
        self.freedom += prompts * (len(seeds) - 1)
        self.patterns.append(self.still_in * np.sqrt(prompts / len(seeds)))

    def drop(self, keep: int) -> None:
        self.still_in = kept((self.total / self.n)[None], self.still_in, keep)

    @property
    def cells(self) -> Cells:
        return Cells(self.n, self.sums, np.array(self.patterns), self.squares, self.freedom)


def races(arguments: argparse.Namespace, noise: float, kind: str, seed: int) -> Iterator[tuple[Array, Raced, Rules]]:
    """True effects, and the race as it stands after the last round: a study each."""
    rng = np.random.default_rng([seed, round(noise), arguments.golden])
    rules = Rules(arguments.seeds, arguments.golden, arguments.pictures, 10**9)
    rounds = schedule(rules)
    for _ in range(arguments.studies):
        effects, race = EFFECTS[kind](rng, rules.seeds), Raced.of(rules.seeds)
        for block, keep in zip(rounds, [*(later.seeds for later in rounds[1:]), rules.golden], strict=True):
            race.draw(effects, noise, block, rng)
            race.drop(keep)
        yield effects, race, rules


def truth(arguments: argparse.Namespace) -> None:
    """Recall, gain, and how often intervals hold after dropping."""
    kind = arguments.effects
    print(f"{arguments.seeds:,} seeds, {arguments.golden} wanted, {arguments.pictures:,} pictures, effects: {kind}")
    print(f"{arguments.studies} studies a row; ± is twice the Monte Carlo error")
    print(
        f"{'lambda':>7}  {'recall':>13}  {'gain':>13}  {'all hold':>15}  {'chosen hold':>15}  by rounds that a seed was in"
    )
    for noise in arguments.noise:
        rows, by_round = [], []
        for effects, race, rules in races(arguments, noise, kind, 1):
            found, chosen = effects_of(race.cells), race.still_in
            best = np.argsort(-effects)[: rules.golden]
            hit = holds(found, effects)
            rows.append(
                [chosen[best].mean(), effects[chosen].mean() / effects[best].mean(), hit.mean(), hit[chosen].mean()]
            )
            by_round.append([hit[found.n == n].mean() for n in np.unique(found.n)])
        told = [f"{100 * mean:6.1f} ±{200 * error:4.1f} %" for mean, error in map(mean_of, np.array(rows).T)]
        rounds = " ".join(f"{100 * share:.0f}" for share in np.mean(by_round, axis=0))
        print(f"{noise:>7g}  {told[0]:>13}  {told[1]:>13}  {told[2]:>15}  {told[3]:>15}  {rounds}", flush=True)


def holds(found: RaceEffects, effects: Array) -> Chosen:
    """Which intervals have the true effect over the median seed."""
    over = effects - np.median(effects)
    return np.asarray((found.lo <= over) & (over <= found.hi))


def null(arguments: argparse.Namespace) -> None:
    """Golden lists that the confirmation lets pass though nothing is there, and what the looks say."""
    rng, false, upper = np.random.default_rng(2), [], []
    for at, (_, race, rules) in enumerate(races(arguments, 1.0, "none", 2)):
        last = confirmation(rules)
        scores = Scores.of(rng.standard_normal((last.prompts, last.seeds)), np.arange(last.prompts))
        false.append(against_random(additive_fit(scores), np.arange(last.seeds) < rules.golden, "higher", rng).holds)
        if at < arguments.looks:
            final = int(race.n.max())
            ratio = effects_of(race.cells).quantile(0.95)
            upper.append(final * ratio / (1.0 + final * ratio))
    share, error = mean_of(np.array(false, np.float64))
    print(f"{arguments.seeds:,} seeds without any effect, {arguments.studies} studies, {arguments.pictures:,} pictures")
    print(
        f"golden lists that are confirmed, at p <= {LEVEL}: {100 * share:.1f} ±{200 * error:.1f} % (wanted at most 5)"
    )
    if upper:
        print(
            f"after the last round the reliability is at most {np.median(upper):.2f} in the median of {len(upper)} studies, "
            f"and below {ENOUGH} (too little) in {100 * np.mean(np.array(upper) < ENOUGH):.0f} %"
        )


def replay(arguments: argparse.Namespace) -> None:
    """A finished run's own scores, raced on in other orders of its prompts."""
    from seedscope.analysis.judging.judge import grids, real_pictures, refuse_unfinished
    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.seeds.scores.scores import sign

    run = run_of(arguments.replay, arguments.out)
    refuse_unfinished(run)
    for item, grid in grids(run, real_pictures(run)):
        if item.name not in arguments.measures and (arguments.measures or item.better is None):
            continue
        scores = sign(item.better or "higher") * grid.values.astype(np.float64)
        print(replayed(item.name, scores, arguments), flush=True)


def replayed(name: str, scores: Array, arguments: argparse.Namespace) -> str:
    """A line: what both lists keep on prompts that neither has seen."""
    prompts, seeds = scores.shape
    golden, first = arguments.golden, prompts * 3 // 4
    rng, rows = np.random.default_rng(3), []
    rules = Rules(seeds, golden, round(arguments.share * first * seeds) * 4 // 3, 10**9)
    for _ in range(arguments.studies):
        order = rng.permutation(prompts)
        learnt, unseen = scores[order[:first]], scores[order[first:]]
        over = np.nanmean(unseen - np.nanmean(unseen, axis=1, keepdims=True), axis=0)
        adaptive, drawn = race_on(learnt, rules)
        uniform = kept(learnt, np.ones(seeds, np.bool_), golden)
        as_many = kept(learnt[: max(drawn // seeds, 1)], np.ones(seeds, np.bool_), golden)
        rows.append([over[each].mean() for each in (adaptive, uniform, as_many)] + [(adaptive & uniform).sum(), drawn])
    raced, uniform, few, both, drawn = np.array(rows).T
    share, spread = raced.mean() / uniform.mean(), np.quantile(raced / uniform, [0.1, 0.9])
    return (
        f"{name}: adaptive keeps {share:.0%} of the uniform sweep's gain ({spread[0]:.0%} to {spread[1]:.0%} in eight of ten) "
        f"with {drawn.mean():,.0f} pictures for {first * seeds:,}; uniform with as many {few.mean() / uniform.mean():.0%}; "
        f"{both.mean():.1f} of {golden} seeds are the same"
    )


def race_on(scores: Array, rules: Rules) -> tuple[Chosen, int]:
    """Who is chosen by a race over prompts in their order, and how many pictures it took; it ends where prompts do."""
    still_in, drawn, at = np.ones(rules.seeds, np.bool_), 0, 0
    rounds = schedule(rules)
    for block, keep in zip(rounds, [*(later.seeds for later in rounds[1:]), rules.golden], strict=True):
        upto = min(at + block.prompts, len(scores))
        drawn += (upto - at) * int(still_in.sum())
        still_in, at = kept(scores[:upto], still_in, keep), upto
    return still_in, drawn


def mean_of(values: Array) -> tuple[float, float]:
    """Mean with its Monte Carlo error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=50, help="simulated studies a row, or orders of the prompts")
    parser.add_argument("--seeds", type=int, default=1024)
    parser.add_argument("--golden", type=int, default=16)
    parser.add_argument("--pictures", type=int, default=20_480, help="with those of the confirmation")
    parser.add_argument("--lambda", dest="noise", type=float, nargs="+", default=[2, 15, 74, 400])
    parser.add_argument("--effects", choices=sorted(EFFECTS), default="normal")
    parser.add_argument("--null", action="store_true")
    parser.add_argument("--looks", type=int, default=20, help="of --null: studies whose mixed model is fitted")
    parser.add_argument("--replay", type=Path, metavar="STUDY", help="the study of a finished run")
    parser.add_argument("--out", help="of --replay: its run folder")
    parser.add_argument("--share", type=float, default=0.1, help="of --replay: of the uniform sweep's pictures")
    parser.add_argument("--measures", nargs="*", default=[], help="of --replay: only these")
    arguments = parser.parse_args()
    began = time.process_time()
    (replay if arguments.replay else null if arguments.null else truth)(arguments)
    print(f"{time.process_time() - began:.1f} s of the CPU")


if __name__ == "__main__":
    main()
