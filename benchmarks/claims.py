"""Are claims about seeds as rare as they say where no seed matters, and are seeds that do matter found?

    python benchmarks/claims.py                      2,000 simulated studies of each kind, an hour and a half
    python benchmarks/claims.py --studies 100        five minutes
    python benchmarks/claims.py --tables power       one of the three tables; `far` takes ten minutes
    python benchmarks/claims.py --run configs/demo.yaml   200 shuffles of a finished run, each of its measurements
    python benchmarks/claims.py --run configs/demo.yaml --only clip_score --plant 0.1     an effect planted in three seeds

The first table has studies of 24 seeds x 24 prompts without any seed effect: how many have a candidate and how many a golden
seed, by the rules `confirmed` and `pareto` (of two measures), how many intervals of effects hold, alone and at once, and how
many studies have p <= 0.05 for "the seeds do not differ". The second counts in how many of as many measurements chance makes a
seed far off all others, so that it is left out of the shuffles. The third plants effects, and has beside each rule the former
one: half of the prompts choose by Student's t against the mean seed, the other half confirms.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.effects import Effects, for_all_seeds, mean_of, seed_effects
from seedscope.analysis.seeds.scores.halvings import halvings, held_out
from seedscope.analysis.seeds.scores.outlying import far_off, shuffled_alike
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.seeds.scores.shuffle import shuffled
from seedscope.analysis.seeds.scores.split import effects_of_parts, split_prompts
from seedscope.analysis.select.confirmed import Evidence, confirmed
from seedscope.analysis.select.pareto import pareto

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]

SEEDS, PROMPTS, SHUFFLES, K = 24, 24, 1000, 4
NOISE: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "lognormal": lambda rng, shape: np.exp(rng.standard_normal(shape)),
    "chi-square": lambda rng, shape: rng.chisquare(1, shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "binary 2 %": lambda rng, shape: (rng.random(shape) < 0.02) * 1.0,
    "binary 10 %": lambda rng, shape: (rng.random(shape) < 0.1) * 1.0,
    "binary 50 %": lambda rng, shape: (rng.random(shape) < 0.5) * 1.0,
}
DESIGNS = {"complete": (PROMPTS, 0.0), "6 groups": (6, 0.0), "20 % missing": (PROMPTS, 0.2)}
"""Groups of prompts, share of cells that are missing."""


def study(kind: str, groups: int, missing: float, rng: np.random.Generator) -> Scores:
    """Scores without any seed effect; in groups, binary ones excepted, a seed has luck with each group."""
    shape, member = (PROMPTS, SEEDS), np.arange(PROMPTS) % groups
    values = NOISE[kind](rng, shape)
    if not kind.startswith("binary"):
        values = values + rng.standard_normal((PROMPTS, 1))
        values += NOISE[kind](rng, (groups, SEEDS))[member] if groups < PROMPTS else 0.0
    values[rng.random(shape) < missing] = np.nan
    return Scores.of(values, np.array([f"group {i} of {rng.integers(10**9)}" for i in range(groups)])[member])


def both_ways(fit: AdditiveFit, rng: np.random.Generator) -> tuple[Evidence, Evidence]:
    """What rules go by where higher and where lower is better."""
    found, halves = shuffled_alike(fit, rng, SHUFFLES), halvings(fit)
    assert halves is not None
    high = Evidence(score_null(found, "higher"), held_out(halves, K, "higher"), "higher")
    return high, Evidence(score_null(found, "lower"), held_out(halves, K, "lower"), "lower")


def facts(scores: Scores, other: Scores, rng: np.random.Generator) -> dict[str, float]:
    """Of one study without seed effects, and of a second measure of the same seeds."""
    fit = additive_fit(scores)
    high, low = both_ways(fit, rng)
    chosen = [confirmed(one, K) for one in (high, low)]
    front = pareto([high, both_ways(additive_fit(other), rng)[1]], K)
    null = high.null
    effects = seed_effects(fit, null=null)
    ends, together = (effects.lo, effects.hi), for_all_seeds(effects, null)
    return {
        "candidates": float(np.mean([bool(one.candidates) for one in chosen])),
        "golden": float(np.mean([bool(one.seeds) for one in chosen])),
        "pareto cand.": float(front.front > 0),
        "pareto golden": float(bool(front.seeds)),
        "effects hold": float(np.nanmean((ends[0] <= 1e-9) & (ends[1] >= -1e-9))),
        "all hold": float(((together[0] <= 1e-9) & (together[1] >= -1e-9) | np.isnan(null.effect)).all()),
        "differ": float(null.differ <= 0.05),
    }


def nulls(studies: int, only: Collection[str]) -> Iterator[str]:
    heading = True
    for kind in (kind for kind in NOISE if not only or kind in only):
        for design, (groups, missing) in DESIGNS.items():
            rng, rows = np.random.default_rng(sum(map(ord, kind + design))), []
            while len(rows) < studies:
                try:
                    rows.append(facts(*(study(kind, groups, missing, rng) for _ in range(2)), rng))
                except StatisticsError:  # a study of nothing but zeros
                    continue
            if heading:
                heading = False
                yield f"{'no seed matters':28s}" + "".join(f"{name:>15s}" for name in rows[0])
            yield f"{kind:14s}{design:14s}" + _percent(rows)


def far(studies: int, only: Collection[str]) -> Iterator[str]:
    """As many measurements as `nulls` takes: of each study two."""
    yield f"{'no seed matters':28s}{'measurements':>15s}{'a seed far off':>16s}"
    for kind in (kind for kind in NOISE if not only or kind in only):
        for design, (groups, missing) in DESIGNS.items():
            rng, found = np.random.default_rng(sum(map(ord, kind + design))), []
            while len(found) < 2 * studies:
                try:
                    one = shuffled(additive_fit(study(kind, groups, missing, rng)), rng, 1)
                except StatisticsError:  # a study of nothing but zeros
                    continue
                found.append(bool(far_off(one).any()))
            yield f"{kind:14s}{design:14s}{len(found):15,d}{sum(found):16d}"


def _percent(rows: list[dict[str, float]]) -> str:
    return "".join(f"{100 * np.mean([row[name] for row in rows]):13.2f} %" for name in rows[0])


PLANTED: dict[str, Callable[[np.random.Generator], Array]] = {
    "all seeds, s.d. 0.3": lambda rng: 0.3 * rng.standard_normal(SEEDS),
    "3 seeds by 0.3 s.d.": lambda _: np.r_[[0.3] * 3, np.zeros(SEEDS - 3)],
    "3 seeds by 0.8 s.d.": lambda _: np.r_[[0.8] * 3, np.zeros(SEEDS - 3)],
    "one bad seed, -10 s.d.": lambda _: np.r_[-10.0, np.zeros(SEEDS - 1)],
    "one bad seed, -100 s.d.": lambda _: np.r_[-100.0, np.zeros(SEEDS - 1)],
    "8 bad seeds, -1.5 s.d.": lambda _: np.r_[[-1.5] * 8, np.zeros(SEEDS - 8)],
    "11 bad seeds, -1.5 s.d.": lambda _: np.r_[[-1.5] * 11, np.zeros(SEEDS - 11)],
    "11 bad seeds, -0.7 s.d.": lambda _: np.r_[[-0.7] * 11, np.zeros(SEEDS - 11)],
    "11 bad seeds, -10 s.d.": lambda _: np.r_[[-10.0] * 11, np.zeros(SEEDS - 11)],
}


def power(studies: int, only: Collection[str]) -> Iterator[str]:
    names = ("prompts", "golden", "formerly", "false", "measured", "corrected", "true")
    yield f"{'planted, of 24 seeds':24s}" + "".join(f"{name:>11s}" for name in names)
    for name in (name for name in PLANTED if not only or name in only):
        for prompts in (24, 100):
            rng, found, before, false, gains = np.random.default_rng(prompts), [], [], [], []
            for _ in range(studies):
                truth = PLANTED[name](rng)
                names = np.array([str(rng.integers(10**9)) for _ in range(prompts)])
                scores = Scores.of(
                    truth + rng.standard_normal((prompts, SEEDS)) + rng.standard_normal((prompts, 1)), names
                )
                choice, over = confirmed(both_ways(additive_fit(scores), rng)[0], K), truth - np.median(truth)
                found.append(bool(choice.seeds))
                before.append(bool(formerly(scores, rng)))
                false += [over[seed] <= 0 for seed in choice.seeds]
                if choice.advantage is not None:
                    gains.append((choice.advantage.mean, choice.advantage.corrected, over[list(choice.seeds)].mean()))
            said = np.mean(gains, axis=0) if gains else np.full(3, np.nan)
            yield (
                f"{name:24s}{prompts:11d}{100 * np.mean(found):9.1f} %{100 * np.mean(before):9.1f} %"
                f"{100 * np.mean(false) if false else 0:9.1f} %{said[0]:11.2f}{said[1]:11.2f}{said[2]:11.2f}"
            )


def formerly(scores: Scores, rng: np.random.Generator) -> list[int]:
    """The rule of versions up to 0.2: better than the mean seed on half of the prompts, and together on the other half."""
    ranking, confirmation = effects_of_parts(scores, split_prompts(scores.groups[scores.member], rng))
    over = _over_mean(ranking)
    p = t.sf(over / ranking.se, ranking.freedom)
    passed = np.flatnonzero(q_values(p) <= 0.05)
    best = passed[np.argsort(-over[passed], kind="stable")][:K]
    if not len(best):
        return []
    _, se, freedom = mean_of(confirmation, best)
    return best.tolist() if _over_mean(confirmation)[best].mean() > t.ppf(0.975, freedom) * se else []


def _over_mean(effects: Effects) -> Array:
    return np.asarray(effects.effect - effects.effect.mean())


def of_a_run(study: Path, out: Path | None, shuffles: int, only: Collection[str]) -> Iterator[str]:
    """Every measurement of a measured run, with labels of seeds shuffled within each group of prompts."""
    from seedscope.analysis.judging.judge import grids, real_pictures
    from seedscope.analysis.run.opened import run_of

    run = run_of(study, out)
    names = ("candidates", "golden", "effects hold", "differ")
    yield f"{'labels shuffled, ' + run.study.name:36s}" + "".join(f"{name:>15s}" for name in names)
    for item, grid in grids(run, real_pictures(run)):
        name, scores = item.name, Scores.of(grid.values, grid.groups)
        if (only and name not in only) or not scores.present.any():
            continue
        rng, rows = np.random.default_rng(sum(map(ord, name))), []
        for _ in range(shuffles):
            fit = additive_fit(shuffled_labels(scores, rng))
            both = both_ways(fit, rng)
            chosen = [confirmed(one, K) for one in both]
            effects = seed_effects(fit, null=both[0].null)
            rows.append(
                {
                    "candidates": float(np.mean([bool(one.candidates) for one in chosen])),
                    "golden": float(np.mean([bool(one.seeds) for one in chosen])),
                    "effects hold": float(np.nanmean((effects.lo <= 1e-9) & (effects.hi >= -1e-9))),
                    "differ": float(both[0].null.differ <= 0.05),
                }
            )
        yield f"{name:36s}" + _percent(rows)


def planted_in(
    study: Path, out: Path | None, shuffles: int, only: Collection[str], effects: Sequence[float]
) -> Iterator[str]:
    """A run's own scores, with labels of seeds shuffled and three seeds made better by so much, beside the former rule."""
    from seedscope.analysis.judging.judge import grids, real_pictures
    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.seeds.scores.scores import sign

    run = run_of(study, out)
    names = ("better by", "golden", "formerly", "false", "measured", "corrected")
    yield f"{'planted in 3 seeds, ' + run.study.name:36s}" + "".join(f"{name:>11s}" for name in names)
    for item, grid in grids(run, real_pictures(run)):
        if item.better is None or (only and item.name not in only):
            continue
        scores = Scores.of(sign(item.better) * grid.values.astype(np.float64), grid.groups)
        for effect in effects:
            rng, found, before, false, gains = np.random.default_rng(1), [], [], [], []
            for _ in range(shuffles):
                mixed = shuffled_labels(scores, rng)
                mixed.values[:, :3] += effect
                choice = confirmed(both_ways(additive_fit(mixed), rng)[0], K)
                found.append(bool(choice.seeds))
                before.append(bool(formerly(mixed, rng)))
                false += [seed > 2 for seed in choice.seeds]
                if choice.advantage is not None:
                    gains.append((choice.advantage.mean, choice.advantage.corrected))
            said = np.mean(gains, axis=0) if gains else np.full(2, np.nan)
            yield (
                f"{item.name:36s}{effect:11.1f}{100 * np.mean(found):9.1f} %{100 * np.mean(before):9.1f} %"
                f"{100 * np.mean(false) if false else 0:9.1f} %{said[0]:11.2f}{said[1]:11.2f}"
            )


def shuffled_labels(scores: Scores, rng: np.random.Generator) -> Scores:
    """With the labels of seeds shuffled within each group of prompts."""
    order = np.stack([rng.permutation(scores.values.shape[1]) for _ in scores.groups])[scores.member]
    return Scores(np.take_along_axis(scores.values, order, axis=1), scores.groups, scores.member)


TABLES = {"null": nulls, "far": far, "power": power}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=[*TABLES])
    parser.add_argument("--run", type=Path, metavar="STUDY", help="The study of a run that is measured.")
    parser.add_argument("--out", type=Path, help="Its folder, if not the study's own.")
    parser.add_argument("--shuffles", type=int, default=200, help="Of a run.")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="Measures of a run, noise, planted effects."
    )
    parser.add_argument("--plant", nargs="+", type=float, metavar="EFFECT", help="In three seeds of a run.")
    asked = parser.parse_args()
    lines = (
        planted_in(asked.run, asked.out, asked.shuffles, asked.only, asked.plant)
        if asked.run and asked.plant
        else of_a_run(asked.run, asked.out, asked.shuffles, asked.only)
        if asked.run
        else (line for name in asked.tables for line in TABLES[name](asked.studies, asked.only))
    )
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
