"""The golden seeds of a sweep: those that its rounds chose, where they are better than random ones on held-out prompts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.judging.golden_sentences import worse_by
from seedscope.analysis.judging.judge import Judged, decisive
from seedscope.analysis.judging.race.early_trial import of_trial
from seedscope.analysis.judging.race.outlook import of_rule
from seedscope.analysis.run.failed_seeds import named
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.select.comparison import Compared
from seedscope.analysis.select.held_out import HeldOut, against_random
from seedscope.analysis.select.why import Raced, RoundSize
from seedscope.pipeline.study.schema import fingerprint

RULE = "race"


@dataclass(frozen=True)
class RaceChoice:
    """seeds: golden, best first, perhaps none; sentence: what that rests on; compared: measurement -> golden less random seeds
    on the held-out prompts; raced: the same for the golden list."""

    seeds: list[int]
    sentence: str
    compared: Mapping[str, Compared]
    raced: Raced


def chosen_by_race(run: Run, judged: Judged) -> RaceChoice:
    """Of a sweep whose confirmation is judged: the chosen seeds if they hold, and none if not.

    Raises:
        StatisticsError: the held-out prompts do not allow the comparison.
    """
    race = run.race
    if race is None or race.golden is None:
        raise ValueError(f"{run.folder.storage.url}: is no sweep that has come to its end")
    name = decisive(run)[0]
    good = {each.name: each for each in judged.scalars.values() if each.better is not None}
    found: dict[str, HeldOut] = {}
    for each in good.values():
        try:
            found[each.name] = _held_out(each, race.golden)
        except StatisticsError:
            if each.name == name:
                raise
    if name not in found:
        raise StatisticsError(
            f"No seed can be called golden. {judged.silent.get(name, f'{name} says nothing of the seeds.')}"
        )
    main = found[name]
    known = [seed for seed in race.golden if seed in _known(judged, name)]
    tried = of_trial(race.rounds[0].why.get("trial"))
    sentences = [
        _of_rounds(race, name),
        *([] if tried is None else [tried]),
        *race.passed_over,
        *_unknown(race, known),
        *_outside(run),
        *_failed(race, judged),
    ]
    sentences.append(_of_confirmation(judged.scores(name), main))
    worse = [
        worse_by(other, held.chosen) for other, held in found.items() if other != name and _is_worse(good[other], held)
    ]
    return RaceChoice(
        known if main.holds else [],
        " ".join([*sentences, *worse]),
        {measure: held.compared for measure, held in found.items()},
        _raced(race, main),
    )


def _known(judged: Judged, name: str) -> set[int]:
    """The seeds of which a golden list can say where they stand: with a rank, and scores on two groups of prompts or more."""
    scalar = judged.scores(name)
    error = seed_effects(additive_fit(scalar.scores)).se
    return {row.seed for row in judged.ranking.ranked} & set(scalar.seeds[~np.isnan(error)].tolist())


def _unknown(race: Race, known: Collection[int]) -> list[str]:
    """Which chosen seeds are not on the list, of which the confirmation says nothing."""
    missing = [seed for seed in race.golden or () if seed not in known]
    if not missing:
        return []
    return [
        f"{len(missing)} of these cannot be confirmed, as too little is known on the held-out prompts, or the pictures are "
        f"those of another seed: {named(missing)}."
    ]


def _failed(race: Race, judged: Judged) -> list[str]:
    """Which random seeds are left out, of which every picture failed."""
    failed = [seed for seed in judged.failed if seed not in (race.golden or ())]
    if not failed:
        return []
    return [f"Of {len(failed)} random seed(s) every held-out picture failed, and they are left out: {named(failed)}."]


def _outside(run: Run) -> list[str]:
    """Which seeds are not judged, though they have pictures of held-out prompts."""
    if not run.outside:
        return []
    return [
        f"{len(run.outside)} seed(s) went out for lack of the measure, or as copies, after some of their held-out pictures "
        f"were drawn; they are none of the random ones: {named(sorted(run.outside))}."
    ]


def _held_out(scalar: Scalar, golden: tuple[int, ...]) -> HeldOut:
    rng = np.random.default_rng(int(fingerprint({"measure": scalar.name, "golden": [*golden]})[:16], 16))
    chosen = np.isin(scalar.seeds, golden)
    return against_random(additive_fit(scalar.scores), chosen, scalar.better or "higher", rng)


def _of_rounds(race: Race, name: str) -> str:
    sizes = [
        f"{len(each.seeds):,} x {len(each.prompts):,}{' early' if each.early else ''}"
        for each in race.rounds
        if each.golden is None
    ]
    pictures, tried = sum(size.pictures for size in race.sizes()[:-1]) + race.rules.spent, ""
    if race.rules.spent:
        tried = f", {race.rules.spent:,} of them for the trial of early pictures"
    uniform = pictures / race.rules.seeds
    return (
        f"{len(race.golden or ())} of {race.rules.seeds:,} seeds were chosen by {name} in {len(sizes)} rounds of seeds x new "
        f"prompts ({', '.join(sizes)}): {pictures:,} pictures{tried}, as many as all seeds with {uniform:.1f} prompts. "
        f"They ended as {of_rule(str(race.rounds[-1].why.get('stopped')))}."
    )


def _of_confirmation(scalar: Scalar, held: HeldOut) -> str:
    gain = held.chosen
    interval = "" if gain.lo is None else f" ({gain.lo:+.3g} to {gain.hi:+.3g}, 95 %)"
    compared = (
        f"on {held.prompts} prompts that no round has used they differ from {held.seeds} random seeds by "
        f"{gain.mean:+.3g}{interval}, {scalar.better} is better; {counted_p(held.p, held.draws, 'random sets')}"
    )
    if held.holds:
        return f"They hold: {compared}: confirmed."
    return f"No seed is golden: {compared}, which is no better than luck."


def _is_worse(scalar: Scalar, held: HeldOut) -> bool:
    lo, hi = held.chosen.lo, held.chosen.hi
    return lo is not None and hi is not None and (hi < 0 if scalar.better == "higher" else lo > 0)


def _number(race: Race, name: str) -> float | None:
    value = race.rounds[-1].why.get(name)
    return float(value) if isinstance(value, int | float) else None


def _raced(race: Race, held: HeldOut) -> Raced:
    gain = held.chosen
    return Raced(
        seeds=race.rules.seeds,
        rounds=[
            RoundSize(seeds=len(each.seeds), prompts=len(each.prompts)) for each in race.rounds if each.golden is None
        ],
        stopped=str(race.rounds[-1].why.get("stopped")),
        expected_gain=_number(race, "gain"),
        expected_recall=_number(race, "recall"),
        prompts=held.prompts,
        random=held.seeds,
        gain=gain.mean,
        interval=None if gain.lo is None or gain.hi is None else (gain.lo, gain.hi),
        p=held.p,
    )
