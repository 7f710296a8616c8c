"""The statistics of a run's measurements, in the report's terms: plain numbers, None where one is undefined."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from seedscope.analysis.judging.judge import Judged
from seedscope.analysis.judging.measurement import witness
from seedscope.analysis.report.data import Estimate, Interval, Measured, SeedValue, Stability
from seedscope.analysis.report.gather.titles import title_of
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.variance import Component


def measurements(judged: Judged, *, controlled: bool) -> list[Measured]:
    """Every measurement of a run: that of its ranking first, its witness where it has one, distances and their like."""
    ranking = judged.ranking
    found = [of_scalar(scalar, controlled=controlled) for scalar in judged.scalars.values()]
    distances = {item.ranking.measure: item.ranking for item in judged.distances}
    if ranking.measure not in judged.scalars:
        distances[ranking.measure] = ranking
    found += [of_distance(each) for each in distances.values()]
    first = (ranking.measure, witness(ranking.measure).name, *distances)
    return sorted(found, key=lambda measured: first.index(measured.name) if measured.name in first else len(first))


def of_scalar(found: Scalar, *, controlled: bool = False) -> Measured:
    """A scalar measurement. Ranges of chance are values, as those of the seeds are."""
    title, unit = title_of(found.name, controlled=controlled)
    prompts, seeds = found.scores.values.shape
    shares = {} if found.shares is None else {part: getattr(found.shares, part) for part in ("seed", "prompt", "rest")}
    return Measured(
        name=found.name,
        title=title,
        unit=unit,
        better=found.better,
        rate=found.rates is not None,
        prompts=prompts,
        groups=len(found.scores.groups),
        cells=prompts * seeds - found.missing,
        missing=found.missing,
        mean=number(found.mean),
        median=number(found.median),
        shares={part: _share(share) for part, share in shares.items() if share.share is not None},
        reliability=found.reliability,
        prompts_for_08=found.prompts_for_08,
        p=None if found.null is None else found.null.differ,
        shuffles=0 if found.null is None else len(found.null.best),
        best=None if found.null is None else _range(found, found.null.best),
        worst=None if found.null is None else _range(found, found.null.worst),
        stability=_stability(found),
        seeds=dict(_seed_values(found)),
        far=tuple(found.seeds[found.far].tolist()),
    )


def of_distance(ranking: Ranking) -> Measured:
    """A distance, or its like, from the table of the ranking by it. One number a seed: it has no shares of variance."""
    rows = ranking.rows
    values = [row.value for row in rows if row.value is not None]
    title, unit = title_of(ranking.measure)
    return Measured(
        name=ranking.measure,
        title=title,
        unit=unit,
        better=ranking.better,
        rate=ranking.rate,
        prompts=ranking.images_a_seed,
        groups=ranking.groups,
        cells=sum(row.n for row in rows),
        missing=ranking.missing + ranking.prompts_left_out * len(rows),
        mean=float(np.mean(values)) if values else None,
        median=float(np.median(values)) if values else None,
        shares={},
        reliability=None,
        prompts_for_08=None,
        p=None if ranking.chance is None else ranking.chance.p_value,
        shuffles=0 if ranking.chance is None else ranking.chance.shuffles,
        best=None if ranking.chance is None else ranking.chance.best,
        worst=None if ranking.chance is None else ranking.chance.worst,
        stability=None,
        seeds={
            row.seed: SeedValue(
                n=row.n,
                value=estimate(row.value, row.lo, row.hi),
                effect=estimate(row.effect, row.effect_lo, row.effect_hi),
                shrunk=Estimate(None),
                q=number(row.q),
                probability=number(row.probability),
                resampled=number(row.resampled),
            )
            for row in rows
        },
        untested=ranking.why_untested,
    )


def number(value: float | None) -> float | None:
    """A plain float; None where it is undefined or not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def estimate(value: float | None, low: float | None, high: float | None) -> Estimate:
    """With an interval where both ends are known."""
    ends = number(low), number(high)
    return Estimate(number(value), None if ends[0] is None or ends[1] is None else (ends[0], ends[1]))


def _share(found: Component) -> Estimate:
    return estimate(found.share, found.lo, found.hi)


def _range(found: Scalar, effects: np.typing.NDArray[np.float64]) -> Interval | None:
    """95 % of what chance gives, as a value."""
    low, high = found.by_chance(effects)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _seed_values(found: Scalar) -> Iterator[tuple[int, SeedValue]]:
    """Of each seed; the interval of a value that has none of its own is that of its effect, moved there."""
    effects, shrunk, rates = found.effects, found.shrunk, found.rates
    for i, seed in enumerate(found.seeds.tolist()):
        effect = estimate(effects.effect[i], effects.lo[i], effects.hi[i])
        if rates is None:
            value = estimate(found.values[i], found.median + effects.lo[i], found.median + effects.hi[i])
        else:
            value = estimate(rates.rate[i], rates.lo[i], rates.hi[i])
        yield (
            seed,
            SeedValue(
                n=int(effects.n[i]),
                value=value,
                effect=effect,
                shrunk=estimate(shrunk.effect[i], shrunk.lo[i], shrunk.hi[i]),
                q=None if found.q is None else number(found.q[i]),
                probability=None if found.top is None else number(found.top[i]),
                resampled=None,
            ),
        )


def _stability(found: Scalar) -> Stability | None:
    if found.stability is None or found.parts is None:
        return None
    rank, top = found.stability.rank, found.stability.top
    if rank.rho is None or rank.p is None:
        return None
    pairs = zip(found.seeds.tolist(), *(part.effect.tolist() for part in found.parts), strict=True)
    return Stability(
        spearman=estimate(rank.rho, rank.lo, rank.hi),
        p=rank.p,
        k=top.k,
        overlap=top.shared,
        expected=top.expected,
        deviation=top.sd,
        points={seed: (one, other) for seed, one, other in pairs if math.isfinite(one) and math.isfinite(other)},
    )
