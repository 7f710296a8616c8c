"""The same seeds in two finished runs: what differs between the runs, what seeds keep, and which golden seeds carry over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isclose
from pathlib import Path

import numpy as np

from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.agreement import FEWEST, Agreement, CarriedOver, agreement, carried_over
from seedscope.analysis.seeds.scores.combined import COMBINED
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.seed_row import SeedRow
from seedscope.analysis.select.confirmed import CANDIDATES
from seedscope.pipeline.drawing.cause import differences, knows_configuration
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Json, fingerprint


@dataclass(frozen=True)
class SeedOutcome:
    """What became of a golden seed in another run, by the measurements by which it is golden.

    standing: `golden` (there too), `better` or `not better` than the median seed at a false discovery rate of 5 %, `worse` (its
    interval lies on the bad side of it), `not judged` (it has no effect there, as a copy of another seed), or `not drawn`; of
    several measurements, `worse` by any, else `better` by one. rank, effect, lo, hi: there, by the first. q: false discovery
    rate at which it is better than the median seed there, by one at least. None where unknown.
    """

    seed: int
    standing: str
    rank: int | None
    effect: float | None
    lo: float | None
    hi: float | None
    q: float | None


@dataclass(frozen=True)
class CarryOver:
    """The golden seeds of run `of` in run `there`, by its `measures`. chance: None where none was drawn there, so that there is
    nothing to count."""

    of: str
    there: str
    measures: Sequence[str]
    fates: Sequence[SeedOutcome]
    chance: CarriedOver | None


@dataclass(frozen=True)
class Pair:
    """Two runs compared. prompts: in both, in the first only, in the second only. seeds: in common, and judged in both. silent:
    measurement -> why it cannot be compared."""

    first: str
    second: str
    differences: Sequence[str]
    prompts: tuple[int, int, int]
    seeds: Sequence[int]
    notes: Sequence[str]
    agreements: Sequence[Agreement]
    silent: Mapping[str, str]
    abroad: Sequence[CarryOver]


def compare_all(runs: Sequence[FinishedRun], only: Sequence[str] = ()) -> list[Pair]:
    """Compare every two of some runs, by the measurements `only`, or by all that they share.

    Raises:
        UserError: fewer than two runs, fewer than 3 seeds in common, or measurements that were not made in the same way.
    """
    if len({Path(run.path).resolve() for run in runs}) < max(len(runs), 2):
        raise UserError("Two runs or more are needed, each once: seedscope compare runs/one runs/other")
    tails = [Path(run.path).resolve().name for run in runs]
    names = tails if len(set(tails)) == len(tails) else [run.path for run in runs]
    named = list(zip(names, runs, strict=True))
    return [_pair(*one, *other, only) for one, other in combinations(named, 2)]


def _pair(first: str, a: FinishedRun, second: str, b: FinishedRun, only: Sequence[str]) -> Pair:
    seeds = sorted(a.seeds & b.seeds)
    if len(seeds) < FEWEST:
        raise UserError(f"{a.path} and {b.path} have {len(seeds)} seeds in common; at least {FEWEST} are needed.")
    measures = _measures(a, b, only)
    silent = {name: reason for name in measures if not only and (reason := _on_unequal_terms(name, a, b))}
    agreements = []
    for measure in [name for name in measures if name not in silent]:
        try:
            agreements.append(_agreement(measure, a, b, seeds))
        except StatisticsError as reason:
            silent[measure] = str(reason)
    prompts = len(a.prompts & b.prompts), len(a.prompts - b.prompts), len(b.prompts - a.prompts)
    return Pair(
        first,
        second,
        list(_differences(a, b)),
        prompts,
        seeds,
        list(_notes(first, a, second, b, prompts)),
        agreements,
        silent,
        [
            _carry_over(one, run, other, there, seeds)
            for one, run, other, there in ((first, a, second, b), (second, b, first, a))
            if run.golden is not None and set(run.golden_by) <= set(measures)
        ],
    )


def _measures(a: FinishedRun, b: FinishedRun, only: Sequence[str]) -> list[str]:
    """The measurements that two runs share, in the order of the first."""
    shared = [name for name in a.compared_by if name in b.compared_by]
    if unknown := [name for name in only if name not in shared]:
        raise UserError(
            f"--measure {unknown[0]}: {a.path} and {b.path} do not both have it. They share: {', '.join(shared) or 'nothing'}."
        )
    if not shared:
        raise UserError(f"{a.path} and {b.path} share no measurement. Name a feature in both studies, and run them.")
    chosen = [name for name in shared if not only or name in only]
    for measure in chosen:
        if reason := _unlike(measure, a, b) or (_on_unequal_terms(measure, a, b) if only else None):
            raise UserError(
                f"{measure}: {a.path} and {b.path} cannot be compared: {reason}. Measure one of them again, or choose other "
                "measurements with --measure."
            )
    return chosen


def _unlike(measure: str, a: FinishedRun, b: FinishedRun) -> str | None:
    """Why a measurement of the one run is not the same as that of the other, or None."""
    if measure == COMBINED and not _weighed_alike(a.combined, b.combined):
        return f"the one combines {_weighed(a.combined)}, the other {_weighed(b.combined)}"
    for feature in a.made_of(measure):
        if a.features[feature] != b.features.get(feature):
            return f"{feature} stands for different weights, resizes, options or versions"
        if a.reference.get(feature) != b.reference.get(feature):
            return "their reference pictures differ"
    return None


def _on_unequal_terms(measure: str, a: FinishedRun, b: FinishedRun) -> str | None:
    """Why a measurement that was made in the same way has other values in each run, or None."""
    images = a.ranking.images_a_seed, b.ranking.images_a_seed
    if a.is_distance(measure) and images[0] != images[1]:
        return f"distances depend on the number of pictures, and a seed has {images[0]} in the one and {images[1]} in the other"
    return None


def _weighed_alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() == other.keys() and all(isclose(weight, other[name]) for name, weight in one.items())


def _weighed(weights: Mapping[str, float]) -> str:
    return " + ".join(f"{weight:.2g} {measure}" for measure, weight in weights.items())


def _agreement(measure: str, a: FinishedRun, b: FinishedRun, seeds: list[int]) -> Agreement:
    better = a.ranking.better if measure == a.ranking.measure else a.measures[measure]["better"]
    cause: Json = {"causes": [fingerprint(dict(a.cause)), fingerprint(dict(b.cause))], "for": measure}
    far = sorted((a.far(measure) | b.far(measure)) & set(seeds))
    usual = [seed for seed in seeds if seed not in far]
    if far and len(usual) < FEWEST:
        raise StatisticsError(
            f"{len(usual)} of {len(seeds)} seeds lie far off all others in neither run; at least {FEWEST} are needed."
        )
    return agreement(
        measure,
        a.effects(measure, usual),
        b.effects(measure, usual),
        min(a.k, b.k),
        better,
        np.random.default_rng(int(fingerprint(cause)[:16], 16)),
        reliability=(a.reliability(measure), b.reliability(measure)),
        differ=(a.differ(measure), b.differ(measure)),
        far=far,
    )


def _differences(a: FinishedRun, b: FinishedRun) -> Iterator[str]:
    """What differs in how the pictures were made. How cells fall into units is left out: it changes next to nothing."""
    models: list[Json] = [{"model": (run.made_from or run.cause).get("model")} for run in (a, b)]
    if apart := _models_differ(*models):
        ids = [run.golden.conditions.model.id if run.golden else "unknown" for run in (a, b)]
        same = "settings" if all(place.startswith("model.configuration.") for place in apart) else "weights"
        yield f"model {ids[0]} -> {ids[1]}" if ids[0] != ids[1] else f"other {same} of the model {ids[0]}"
    one, other = (
        dict(_flat({key: value for key, value in run.cause.items() if key not in ("model", "unit")})) for run in (a, b)
    )
    for place in [*one, *(place for place in other if place not in one)]:
        if one.get(place) != other.get(place):
            yield f"{place} {_written(one.get(place))} -> {_written(other.get(place))}"


def _models_differ(one: Json, other: Json) -> list[str]:
    """In what two models differ; where one was recorded by an older version, as far as that tells."""
    return differences(other, one) if knows_configuration(one) else differences(one, other)


def _flat(value: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    if not isinstance(value, dict):
        yield place, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{place}.{key}" if place else key)


def _written(value: Json) -> str:
    return (
        "none"
        if value is None
        else f"{value:g}"
        if isinstance(value, float)
        else repr(value)
        if value == ""
        else str(value)
    )


def _notes(first: str, a: FinishedRun, second: str, b: FinishedRun, prompts: tuple[int, int, int]) -> Iterator[str]:
    both, one, other = prompts
    if one or other:
        yield (
            f"The prompts differ: {both} are in both runs, {one} only in {first}, {other} only in {second}. A seed may "
            "fare differently because of its prompts."
        )
    if both:
        yield (
            "What a seed does to single prompts counts as agreement too where the prompts are the same, so that rho may "
            "exceed what noise allows, and rho without noise errs on the high side."
        )
    if a.combined and b.combined:
        yield "The combined scores of each run are in its own standard deviations."
    contracts = [None if run.golden is None else run.golden.noise for run in (a, b)]
    shapes = [None if contract is None else contract.shape for contract in contracts]
    if None in shapes:
        yield "How the noise of one of the runs was drawn is not known: a seed may stand for other noise in each run."
    elif shapes[0] != shapes[1]:
        yield f"The latents are {shapes[0]} and {shapes[1]}: the same seed is other noise in each run."
    elif len({contract.drawn_by for contract in contracts if contract is not None}) > 1:
        yield "The noise is drawn, resized or varied in other ways: the same seed is other noise in each run."


def _carry_over(of: str, run: FinishedRun, there: str, other: FinishedRun, seeds: list[int]) -> CarryOver:
    """The golden seeds of a run in another one, that measured them in the same way."""
    golden = [] if run.golden is None else run.golden.seeds
    same = other.golden is not None and list(other.golden_by) == list(run.golden_by)
    too = set(other.golden.seeds) if same and other.golden is not None else set()
    rows = {name: other.rows(name) for name in run.golden_by}
    outcomes = {seed: _outcome(seed, run, other, rows, too) for seed in {*golden, *seeds}}
    good = [seed for seed, outcome in outcomes.items() if outcome.standing in ("golden", "better")]
    judged = run.known(run.golden_by[0]) & other.known(run.golden_by[0])
    chance = carried_over(golden, good, judged) if set(golden) & judged else None
    return CarryOver(of, there, run.golden_by, [outcomes[seed] for seed in golden], chance)


def _outcome(
    seed: int, run: FinishedRun, there: FinishedRun, rows: Mapping[str, Mapping[int, SeedRow]], golden: set[int]
) -> SeedOutcome:
    """`rows`: there, by each measurement by which seeds of the run are golden."""
    if seed not in there.seeds:
        standing = "not judged" if seed in there.edition.seeds else "not drawn"
        return SeedOutcome(seed, standing, None, None, None, None, None)
    first = run.golden_by[0]
    row = rows[first][seed]
    rank = row.rank if there.golden_by[0] == first else None
    known = [q for name in run.golden_by if (q := rows[name][seed].q) is not None]
    q = min(len(run.golden_by) * min(known), 1.0) if known else None
    standing = "not better"
    if seed in golden:
        standing = "golden"
    elif any(_worse(rows[name][seed], run.measures[name]["better"]) for name in run.golden_by):
        standing = "worse"
    elif q is not None and q <= CANDIDATES:
        standing = "better"
    return SeedOutcome(seed, standing, rank, row.effect, row.effect_lo, row.effect_hi, q)


def _worse(row: SeedRow, better: Better) -> bool:
    lo, hi = row.effect_lo, row.effect_hi
    return lo is not None and hi is not None and (hi < 0 if better == "higher" else lo > 0)
