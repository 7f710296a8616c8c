"""What the report shows: the results of a run as plain values, apart from how they were computed and how they look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; None where it is undefined or not known."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class SeedValue:
    """One measurement of one seed.

    n: cells behind it. value: the seed's mean over prompts, or its distance. effect: value less that of the median seed on the
    same prompts. shrunk: the effect as expected on new prompts. q: false discovery rate at which the seed is better than
    that one. probability: of being truly among the k best; resampled, of a distance: share of resamples of the prompts in
    which the seed is among the k best. Each None where undefined.
    """

    n: int
    value: Estimate
    effect: Estimate
    shrunk: Estimate
    q: float | None
    probability: float | None
    resampled: float | None


@dataclass(frozen=True)
class Stability:
    """A ranking on one part of the prompts against that on the other, each beside what chance gives.

    spearman: with its interval; p: of no relation. overlap: seeds in the top k of both, None where seeds tie at the end of
    either list; expected, deviation: by chance.
    points: seed -> (effect on the ranking prompts, effect on the confirmation prompts).
    """

    spearman: Estimate
    p: float
    k: int
    overlap: int | None
    expected: float
    deviation: float
    points: Mapping[int, tuple[float, float]]


@dataclass(frozen=True)
class Measured:
    """One measurement over all seeds.

    name: as in the tables (`clip_score`); that of a text rate begins with `text`. title, unit: for people. better: None where
    no direction is good (brightness). mean: of all pictures; median: the median seed's, to which an effect adds up. rate:
    whether it is a share of pictures that show something. shares: of variance, by `seed`, `prompt`, `rest`; empty for
    distances. reliability: of the seeds' means at this number of prompts; prompts_for_08: how many 0.8 would take; both without
    the seeds that lie `far` off all others. p: of "the seeds do not differ", counted over so many shuffles. best, worst: what
    chance alone gives for the best and the worst seed (95 % ranges), as values, not effects; for the highest and the lowest
    seed where no direction is good. untested: why there is no p, in words.
    """

    name: str
    title: str
    unit: str
    better: Better | None
    rate: bool
    prompts: int
    groups: int
    cells: int
    missing: int
    mean: float | None
    median: float | None
    shares: Mapping[str, Estimate]
    reliability: float | None
    prompts_for_08: float | None
    p: float | None
    shuffles: int
    best: Interval | None
    worst: Interval | None
    stability: Stability | None
    seeds: Mapping[int, SeedValue]
    untested: str = "no shuffles"
    far: Sequence[int] = ()


@dataclass(frozen=True)
class Comparison:
    """A measurement on halves of the prompts: the best, random and worst seeds of the other halves, and best less random."""

    measure: str
    golden: Estimate
    random: Estimate
    worst: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Golden:
    """The golden seeds, best first (perhaps none), by which rule, what that shows, and how they fare on other prompts."""

    rule: str
    seeds: Sequence[int]
    sentence: str
    comparisons: Sequence[Comparison]


@dataclass(frozen=True)
class DiverseSet:
    """Seeds whose pictures differ: mean pairwise similarity on `prompts` that took no part in choosing them.

    p: for a random set as different as this, counted over `draws` of them. missing: pictures of these prompts that have no
    vector, such as a place where no object was found. degenerate: seed that was passed over -> what is wrong with its pictures.
    """

    space: str
    seeds: Sequence[int]
    similarity: Estimate
    random: Estimate
    p: float
    draws: int
    prompts: int
    missing: int = 0
    degenerate: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DistanceKind:
    """One distance to real pictures, or another measure of all pictures of a seed, of all that were taken: `measure` names its
    measurement.

    images: of each seed. real_images: None where it compares with none. agreement: rank correlation with the Frechet distance
    of the same features, 1 where the same seeds are good; None for that distance itself. caution: why its size says little, in
    words, if it does.
    """

    measure: str
    images: int
    real_images: int | None
    dimensions: int
    agreement: Estimate | None
    caution: str | None


@dataclass(frozen=True)
class StyleMap:
    """places: seed -> (x, y, cluster or None); clusters: number -> what sets it apart, in words; sentence: the verdict."""

    feature: str
    places: Mapping[int, tuple[float, float, int | None]]
    clusters: Mapping[int, str]
    sentence: str


@dataclass(frozen=True)
class Layout:
    """Where objects stand for a seed: `heat` is G rows of G shares of pictures whose object covers a cell, 0..1, top first."""

    heat: Sequence[Sequence[float]]
    centroids: Sequence[tuple[float, float]]
    size: float | None
    nearness: float | None


@dataclass(frozen=True)
class TaskRates:
    """Text in the masks of one inpainting task: before inpainting, and after it for each seed."""

    task: str
    before: Estimate
    seeds: Mapping[int, Estimate]


@dataclass(frozen=True)
class RaceRound:
    """A round of a sweep: seeds that were in, new prompts, and how many and which seeds went out after it.

    early: whether it went by early pictures.
    """

    seeds: int
    prompts: int
    out: int
    which: str
    early: bool = False


@dataclass(frozen=True)
class Race:
    """How a sweep came to its seeds; sentences: what it cost, and what a uniform sweep would have found. random: seeds of the
    confirmation beside the chosen ones; prompts: of the confirmation."""

    sentences: Sequence[str]
    rounds: Sequence[RaceRound]
    random: int
    prompts: int


@dataclass(frozen=True)
class Experiment:
    """What an experiment found; pictures: path of a PNG file -> what it shows."""

    name: str
    title: str
    sentences: Sequence[str]
    tables: Sequence[ExperimentTable]
    pictures: Mapping[Path, str]
    settings: Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class ExperimentTable:
    """A small table: each row has a value for each of the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]


@dataclass(frozen=True, eq=False)
class PictureScores:
    """A measurement of single pictures: `measure` names it among the measures. values: (P, S) float32 in the order of the
    report's prompts and of `seeds`, NaN where there is none."""

    measure: str
    seeds: Sequence[int]
    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class ReportData:
    """Everything that a report says. Optional parts are None or empty where the run does not have them.

    answer: three sentences, after one on a run that is not finished. ranked: seeds, best first, by the measure `by`.
    prompts: id -> text, in order; those of `shown` are drawn in the picture strips. groups: id -> group of the prompts that
    have a named one. scores: of single pictures, in the order of the measures. made: heading -> lines, on how it was
    made. failed: cell -> reason.
    top_k: the k of `SeedValue.probability` and `resampled`.
    """

    title: str
    answer: Sequence[str]
    by: str
    measures: Sequence[Measured]
    ranked: Sequence[int]
    golden: Golden | None
    prompts: Mapping[str, str]
    shown: Sequence[str]
    made: Mapping[str, Sequence[str]]
    failed: Mapping[str, str] = field(default_factory=dict)
    distances: Sequence[DistanceKind] = ()
    diverse: Sequence[DiverseSet] = ()
    style: StyleMap | None = None
    layout: Mapping[int, Layout] = field(default_factory=dict)
    text: Sequence[TaskRates] = ()
    experiments: Sequence[Experiment] = ()
    top_k: int | None = None
    race: Race | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    scores: Sequence[PictureScores] = ()

    @cached_property
    def places(self) -> dict[str, int]:
        """Id of a prompt -> its place among all."""
        return {prompt: place for place, prompt in enumerate(self.prompts)}
