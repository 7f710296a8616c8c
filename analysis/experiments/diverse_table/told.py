"""What the table of diverse pictures says: a row a way and setting, a plot of the front, and the answer in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from PIL import Image
from scipy.special import stdtrit

from seedscope.analysis.direction import Better
from seedscope.analysis.experiments.diverse_table.contest import DIVERSE, LEVEL, RANDOM, Chance, Contender, Estimate
from seedscope.analysis.experiments.finding import Table, Value
from seedscope.analysis.sheets.front_sheet import Front, Spot, draw_fronts

TITLE = "Four pictures of a prompt that differ: what does it cost?"


@dataclass(frozen=True)
class Contest:
    """All ways, and what they were judged by: `alike`, a feature; `good`, a measurement, and which values of it are good;
    `real`, the feature of the distance, if any. seeds: the diverse ones. on: prompts and groups judged on; chosen_on: pictures
    that the diverse seeds were chosen on. silent: way -> why it is not there."""

    contenders: Sequence[Contender]
    chance: Chance
    alike: str
    good: str
    better: Better
    real: str | None
    seeds: Sequence[int]
    on: tuple[int, int]
    chosen_on: int
    silent: Mapping[str, str]


def rows(contest: Contest) -> pa.Table:
    """A row a way, setting and value."""
    names = {"quality": contest.good, "witness": f"{contest.real}_witness"}
    found: list[dict[str, object]] = [
        {
            "way": each.way,
            "setting": each.label or None,
            "value": names.get(name, name),
            "mean": value.value,
            "difference": value.difference,
            "difference_lo": value.interval[0] if value.interval else None,
            "difference_hi": value.interval[1] if value.interval else None,
            "extra_pictures": each.extra,
            "seconds": each.seconds,
            "c": each.c,
        }
        for each in contest.contenders
        for name, value in each.values.items()
    ]
    numbers = ("mean", "difference", "difference_lo", "difference_hi", "seconds", "c")
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("way", "setting", "value")),
            *((name, pa.float64()) for name in numbers[:4]),
            ("extra_pictures", pa.int64()),
            *((name, pa.float64()) for name in numbers[4:]),
        ]
    )
    return pa.Table.from_pylist(found, schema=schema)


def tables(contest: Contest) -> list[Table]:
    """How alike, and how good at what cost: a row a way and setting, with differences from random seeds."""
    against = ["less random", "95 % interval"]
    alike: list[list[Value]] = []
    good: list[list[Value]] = []
    for each in contest.contenders:
        values, seconds = each.values, None if each.seconds is None else round(each.seconds, 2)
        near = [*_parted(values.get("witness"))] if contest.real is not None else []
        name: list[Value] = [each.way, each.label]
        alike.append(
            [*name, _short(values["similarity"].value), *_parted(values["similarity"]), _short(values["vendi"].value)]
        )
        good.append([*name, _short(values["quality"].value), *_parted(values["quality"]), *near, each.extra, seconds])
    real = [] if contest.real is None else [f"{contest.real}, less random", "95 % interval of it"]
    return [
        Table(
            title=f"How alike four pictures of a prompt are, by {contest.alike}",
            columns=["way", "setting", "similarity", *against, "Vendi score"],
            rows=alike,
        ),
        Table(
            title="How good they are, and what they cost",
            columns=["way", "setting", contest.good, *against, *real, "extra pictures", "seconds a prompt"],
            rows=good,
        ),
    ]


def told(contest: Contest) -> list[str]:
    """The answer, with its intervals, its null, and what is so by construction."""
    prompts, groups = contest.on
    low, high = contest.chance.spread["similarity"]
    every = {name: [each for each in contest.contenders if each.way == name] for name in _ways(contest)}
    found = [
        f"On {prompts} prompts in {groups} groups that chose no seed, four random seeds draw pictures of a similarity of "
        f"{every[RANDOM][0].values['similarity'].value:.3f} by {contest.alike} (95 % of random sets: {low:.3f} to {high:.3f})."
    ]
    for way, settings in every.items():
        if way == DIVERSE:
            found.append(_of_diverse(contest, settings[0]))
        elif way != RANDOM:
            found.append(_of_settings(contest, way, settings))
    if any(each.c is not None for each in contest.contenders):
        found.append(
            "Pictures of Particle Guidance are paired with those of the same seeds drawn alone; strength is the push over the "
            "noise at the first step that is pushed, and c what the published number is (30 for Stable Diffusion)."
        )
    if any(way.startswith("4 of ") for way in every):
        found.append(
            "A choice of many is made by the very numbers that judge it here: that it is better by them is so by construction, "
            "and how much better it looks is not told."
        )
    return [*found, *(f"{way}: {reason}" for way, reason in contest.silent.items())]


def plot(contest: Contest, subject: str) -> Image.Image:
    """Unlikeness to the right, quality upwards, both less that of random seeds."""
    sign = 1 if contest.better == "higher" else -1
    ways = [way for way in _ways(contest) if way != RANDOM]

    def lines(across: str, across_sign: int, up: str, up_sign: int) -> dict[str, Sequence[Spot]]:
        settings = {way: [each for each in contest.contenders if each.way == way and up in each.values] for way in ways}
        return {
            way: [_spot(each, across, across_sign, up, up_sign, named=each in (every[0], every[-1])) for each in every]
            for way, every in settings.items()
        }

    less = "(right: less alike than random seeds)"
    fronts = [
        Front(
            f"{contest.good} against similarity by {contest.alike}",
            f"similarity of random seeds less own {less}",
            f"{contest.good}, better than random seeds",
            lines("similarity", -1, "quality", sign),
        ),
        Front(
            f"{contest.good} against Vendi score",
            "Vendi score, more than random seeds",
            f"{contest.good}, better than random seeds",
            lines("vendi", 1, "quality", sign),
        ),
    ]
    if contest.real is not None:
        fronts.append(
            Front(
                f"Distance to reference pictures by {contest.real} against similarity",
                f"similarity of random seeds less own {less}",
                "nearer to reference pictures than random seeds",
                lines("similarity", -1, "witness", -1),
            )
        )
    prompts, groups = contest.on
    notes = [
        f"Four pictures of each of {prompts} prompts ({groups} groups); random seeds are at 0, 0. Crosses are 95 % intervals "
        "over groups of prompts, paired with random seeds; for pictures drawn together, with the same seeds drawn alone.",
        "Numbers at the ends of lines are strengths of the push, and weights of unlikeness in the choice.",
    ]
    return draw_fronts(fronts, title=f"{subject}: pictures that differ, and what it costs", notes=notes)


def _of_diverse(contest: Contest, each: Contender) -> str:
    p = contest.chance.p
    chosen = ", ".join(map(str, contest.seeds))
    chance = "" if p is None else f"; of random sets as unlike or more so: p = {p:.2g}"
    return (
        f"Diverse seeds {chosen}, chosen once on {contest.chosen_on:,} pictures of other prompts: {_two(contest, each)}"
        f"{chance}. They cost no further picture of any prompt."
    )


def _of_settings(contest: Contest, way: str, settings: Sequence[Contender]) -> str:
    """The setting at which pictures are least alike, and the least alike of those without a sure loss.

    Either is chosen by the numbers that are told: their intervals are widened by Bonferroni over the settings. Whether there is
    a loss is judged by the narrower ones, which find more of them.
    """
    many = len(settings)
    lossy = {each.label for each in settings if _loses(contest, each)}
    settings = [_widened(each, many, contest.on[1]) for each in settings]
    end = min(settings, key=lambda each: each.values["similarity"].value)
    free = [each for each in settings if each.values["similarity"].sure < 0 and each.label not in lossy]
    cost = f"{end.extra} further pictures of each prompt" if end.extra else "no further picture"
    c = "" if end.c is None else f", c = {end.c:.3g}"
    best = min(free, key=lambda each: each.values["similarity"].value) if free else None
    unharmed = (
        "At no setting are pictures surely less alike without a sure loss."
        if best is None
        else "That is no sure loss."
        if best is end
        else f"Least alike without a sure loss: {best.label}, {_two(contest, best)}."
    )
    flatters = (
        ""
        if many == 1
        else f" What is least alike is the best of {many} settings, chosen on these prompts, so that it flatters itself; these "
        f"intervals hold for all {many} at once."
    )
    return f"{way}, least alike at {end.label}{c}: {_two(contest, end)}; {cost}. {unharmed}{flatters}"


def _loses(contest: Contest, each: Contender) -> bool:
    """Whether its pictures are surely worse than those of random seeds."""
    return each.values["quality"].sure == (-1 if contest.better == "higher" else 1)


def _widened(each: Contender, many: int, groups: int) -> Contender:
    """With intervals that hold for `many` settings at once, of Student's t over groups of prompts."""
    if groups < 2:
        return each
    wide, own = (stdtrit(groups - 1, 1 - (1 - LEVEL) / (2 * count)) for count in (many, 1))

    def of(value: Estimate) -> Estimate:
        if value.interval is None:
            return value
        low, high = (value.difference + (edge - value.difference) * float(wide / own) for edge in value.interval)
        return replace(value, interval=(low, high))

    return replace(each, values={name: of(value) for name, value in each.values.items()})


def _two(contest: Contest, each: Contender) -> str:
    alike, good = each.values["similarity"], each.values["quality"]
    return f"similarity {_apart(alike)}, {contest.good} {_apart(good)}"


def _apart(value: Estimate) -> str:
    if value.interval is None:
        return f"{value.difference:+.3f}"
    return f"{value.difference:+.3f} ({value.interval[0]:+.3f} to {value.interval[1]:+.3f})"


def _parted(value: Estimate | None) -> tuple[Value, Value]:
    """The difference, and its interval in words."""
    if value is None:
        return None, "-"
    interval = "-" if value.interval is None else f"{value.interval[0]:.3f} to {value.interval[1]:.3f}"
    return _short(value.difference), interval


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _ways(contest: Contest) -> list[str]:
    return list(dict.fromkeys(each.way for each in contest.contenders))


def _spot(each: Contender, across: str, across_sign: int, up: str, up_sign: int, *, named: bool) -> Spot:
    x, y = each.values[across], each.values[up]
    label = f"{each.setting:g}" if each.label and named else ""
    return Spot(across_sign * x.difference, up_sign * y.difference, _signed(x, across_sign), _signed(y, up_sign), label)


def _signed(value: Estimate, sign: int) -> tuple[float, float] | None:
    if value.interval is None:
        return None
    low, high = sorted(sign * edge for edge in value.interval)
    return low, high
