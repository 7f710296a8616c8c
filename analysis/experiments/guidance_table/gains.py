"""What a way gains over plain pictures of the same prompts, and over the best of as many plain ones as it costs.

Each prompt's gain is the mean over its pictures less that of plain ones of the same seeds; of golden seeds and of the best of
N, less the mean of all random seeds. The best of N is the mean over all choices of N random seeds (`golden_table.best_of`). At
a cost of 2.4 plain pictures it is of two seeds for six prompts in ten, and of three for the others: 2.4 on average.
Intervals are for fresh prompts: Student's t over groups of prompts, CR2 errors (`golden_table.sets.paired`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.golden_table.best_of import kept
from seedscope.analysis.experiments.golden_table.sets import paired
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.select.comparison import Difference

PLAIN, GOLDEN = "plain", "golden seeds"
SIZES = (2, 4, 8)


@dataclass(frozen=True)
class Gain:
    """value: the mean of a way's pictures, in the measure's unit. less: that minus plain pictures. equal: what the way gains
    less what the best of N gains at the same cost; None where that is not known, or takes more seeds than there are."""

    value: float
    less: Difference
    equal: Difference | None = None


@dataclass(frozen=True, eq=False)
class Cells:
    """One measurement of P prompts, all of them finite.

    plain: (P, S) of random seeds. chooser: (P, S) by which the best of them are chosen, larger is better. golden: (P, G), None
    without golden seeds. drawn: way -> (P, n). same: (P, n) plain pictures of the seeds that ways draw. groups: (P,).
    """

    plain: Array
    chooser: Array
    golden: Array | None
    drawn: Mapping[str, Array]
    same: Array
    groups: npt.NDArray[np.str_]


def best_name(n: int) -> str:
    return f"best of {n}"


def gains_of(cells: Cells, costs: Mapping[str, float | None]) -> dict[str, Gain]:
    """Way -> what it gains. costs: in plain pictures, of the ways that draw; the others cost what their names say."""
    nothing = np.zeros(len(cells.groups))
    found = {PLAIN: Gain(float(cells.plain.mean()), Difference(0.0, None, None, None))}
    for name, value, gained in _gained(cells):
        at_cost = best_at(cells, costs.get(name))
        equal = None if at_cost is None else paired(gained, at_cost, cells.groups)
        found[name] = Gain(value, paired(gained, nothing, cells.groups), equal)
    return found


def _gained(cells: Cells) -> Iterator[tuple[str, float, Array]]:
    """Way, the mean of its pictures, and what it gains for each prompt (P,)."""
    usual = cells.plain.mean(axis=1)
    if cells.golden is not None:
        yield GOLDEN, float(cells.golden.mean()), cells.golden.mean(axis=1) - usual
    for n in SIZES:
        if (gained := best_at(cells, float(n))) is not None:
            yield best_name(n), float((usual + gained).mean()), gained
    for name, values in cells.drawn.items():
        yield name, float(values.mean()), (values - cells.same).mean(axis=1)


def best_at(cells: Cells, cost: float | None) -> Array | None:
    """(P,) what the best of N gains at a cost in plain pictures; None where that is not known, or takes more seeds than there
    are. A way that costs less than a picture is compared with one."""
    if cost is None:
        return None
    few, many, share = between(cost)
    if many > cells.plain.shape[1]:
        return None
    of_few, of_many = (kept(cells.chooser, cells.plain, n) for n in (few, many))
    return np.asarray((1 - share) * of_few + share * of_many - cells.plain.mean(axis=1))


def between(cost: float) -> tuple[int, int, float]:
    """The whole numbers on either side of a cost, 1 at least, and the share of the larger one that makes the cost."""
    cost = max(cost, 1.0)
    few = int(np.floor(cost))
    return few, int(np.ceil(cost)), cost - few
