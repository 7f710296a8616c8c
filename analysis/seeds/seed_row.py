"""What is known of a seed by one measurement, and the columns of `seeds.parquet` that hold it.

This file alone knows what the columns are called: a measurement `m` has `m` itself, its value, and after it those of `_ENDS`
then `m_top<k>_probability` (of scalars) or `m_top<k>_resampled` (of distances). `seed`, `rank` and `n` stand first, once: they
are of the measurement by which seeds are ranked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.pipeline.tables.columns import About, described

Interval = tuple[float, float]

_EFFECT, _EFFECT_BEFORE = "_vs_median", "_vs_mean"
_ENDS = {
    "value": "",
    "se": "_se",
    "lo": "_lo",
    "hi": "_hi",
    "n": "_n",
    "effect": _EFFECT,
    "effect_lo": f"{_EFFECT}_lo",
    "effect_hi": f"{_EFFECT}_hi",
    "together_lo": f"{_EFFECT}_all_lo",
    "together_hi": f"{_EFFECT}_all_hi",
    "shrunk": "_shrunk",
    "shrunk_lo": "_shrunk_lo",
    "shrunk_hi": "_shrunk_hi",
    "p": "_p",
    "q": "_q",
    "rank_lo": "_rank_lo",
    "rank_hi": "_rank_hi",
    "chosen": "_chosen",
}
"""Field of `SeedRow` and of `SeedColumns` -> how its column ends, in the order of the columns."""
_TOPS = ("probability", "resampled")
"""Fields whose columns have a number of seeds in their name, `_top<k>_` before that of the field."""
_OWN = {
    "seed": About("The seed."),
    "rank": About("Its rank by the measurement that ranks the seeds, from 1; null where it has none."),
    "n": About("Pictures behind its rank.", "pictures"),
}
_SAYS = {
    "value": "of the seed, on the average prompt",
    "se": "standard error of it",
    "lo": "lower end of its 95 % interval",
    "hi": "upper end of its 95 % interval",
    "effect": "less that of the median seed",
    "effect_lo": "less that of the median seed, lower end of the 95 % interval",
    "effect_hi": "less that of the median seed, upper end of the 95 % interval",
    "together_lo": "less that of the median seed, lower end of an interval that holds for all seeds at once",
    "together_hi": "less that of the median seed, upper end of an interval that holds for all seeds at once",
    "shrunk": "less that of the median seed, as it is expected on other prompts",
    "shrunk_lo": "the same, lower end of the 95 % interval",
    "shrunk_hi": "the same, upper end of the 95 % interval",
}
"""What is said of fields that are in the measurement's unit."""
_SAYS_BESIDE = {
    "n": ("pictures behind it", "pictures", None),
    "p": ("p-value for no better than the median seed", "0..1", None),
    "q": ("false discovery rate at which the seed is better than the median seed", "0..1", None),
    "rank_lo": ("best rank that the seed may truly have, at 95 % for all seeds at once", "rank", None),
    "rank_hi": ("worst rank that the seed may truly have, at 95 % for all seeds at once", "rank", None),
    "chosen": ("halves of the prompts that have the seed among their best", "share", "higher"),
    "probability": ("probability that the seed is truly among so many best", "0..1", "higher"),
    "resampled": ("resamples of the prompts in which the seed is among so many best", "share", "higher"),
}
_DIRECTED = {"value", "effect", "shrunk"}


@dataclass(frozen=True)
class SeedRow:
    """One seed by one measurement; None where undefined, or where the measurement has no such thing.

    Attributes:
        rank: from 1, by the measurement that ranks the seeds, whichever this one is.
        n: pictures behind it; of a measurement that does not count its own, those behind the ranking.
        value: in the measurement's unit; se: its standard error; lo, hi: its own 95 % interval (of distances and rates).
        effect: value less that of the median seed, with a 95 % interval (tables up to version 0.2: less the mean of all).
        together_lo, together_hi: of the effect, an interval that holds for all seeds at once, the best one among them.
        shrunk: the effect that is expected on other prompts, with a 95 % interval.
        p: one-sided, for "no better than the median seed", 0..1. q: false discovery rate at which the seed is better, 0..1.
        rank_lo, rank_hi: the best and the worst rank that it may truly have, at 95 % for all seeds at once.
        chosen: share of halves of the prompts that have it among their k best, 0..1.
        probability: of being truly among the k best, given what was measured, 0..1; k is in the name of its column. That seeds
            do not differ at all had an even chance beforehand.
        resampled: share of resamples of the prompts in which the seed is among the k best, 0..1: how stable that place is.
    """

    seed: int
    rank: int | None
    n: int
    value: float | None = None
    se: float | None = None
    lo: float | None = None
    hi: float | None = None
    effect: float | None = None
    effect_lo: float | None = None
    effect_hi: float | None = None
    together_lo: float | None = None
    together_hi: float | None = None
    shrunk: float | None = None
    shrunk_lo: float | None = None
    shrunk_hi: float | None = None
    p: float | None = None
    q: float | None = None
    rank_lo: float | None = None
    rank_hi: float | None = None
    chosen: float | None = None
    probability: float | None = None
    resampled: float | None = None

    @property
    def effect_of_all(self) -> tuple[float | None, float | None]:
        """The interval of the effect that holds for all seeds at once; of what has none, such as a distance, the seed's own."""
        return (self.effect_lo, self.effect_hi) if self.together_lo is None else (self.together_lo, self.together_hi)

    @property
    def interval(self) -> Interval | None:
        """95 % of the value; of a value that has no interval of its own, that of its effect, moved there."""
        if self.lo is not None and self.hi is not None:
            return self.lo, self.hi
        if self.value is None or self.effect is None or self.effect_lo is None or self.effect_hi is None:
            return None
        return self.value - self.effect + self.effect_lo, self.value - self.effect + self.effect_hi


@dataclass(frozen=True, eq=False)
class SeedColumns:
    """S seeds by one measurement: the fields of `SeedRow` as arrays (S,), NaN where undefined; None: there is no such column.

    k: the number of best seeds that `probability` and `resampled` speak of.
    """

    k: int
    value: Array
    effect: Array
    effect_lo: Array
    effect_hi: Array
    se: Array | None = None
    lo: Array | None = None
    hi: Array | None = None
    n: npt.NDArray[np.int64] | None = None
    together_lo: Array | None = None
    together_hi: Array | None = None
    shrunk: Array | None = None
    shrunk_lo: Array | None = None
    shrunk_hi: Array | None = None
    p: Array | None = None
    q: Array | None = None
    rank_lo: Array | None = None
    rank_hi: Array | None = None
    chosen: Array | None = None
    probability: Array | None = None
    resampled: Array | None = None

    def named(self, measure: str) -> dict[str, pa.Array]:
        """Column -> its values (S,), null where undefined, in the order in which tables have them."""
        arrays: dict[str, Array | npt.NDArray[np.int64] | None] = {
            f"{measure}{end}": getattr(self, field) for field, end in _ENDS.items()
        }
        arrays |= {f"{measure}_top{self.k}_{field}": getattr(self, field) for field in _TOPS}
        return {name: pa.array(values, from_pandas=True) for name, values in arrays.items() if values is not None}


def ranked_table(
    measure: str,
    columns: SeedColumns,
    *,
    seeds: npt.NDArray[np.int64],
    n: npt.NDArray[np.int64],
    order: npt.NDArray[np.intp],
    ranks: Sequence[int | None],
) -> pa.Table:
    """The table of a ranking, one row a seed. seeds, n: (S,) as `columns` have them; order: (S,) best first; ranks: (S,) so
    ordered."""
    place = pa.array(order)
    return pa.table(
        {
            "seed": pa.array(seeds[order]),
            "rank": pa.array(ranks, pa.int64()),
            "n": pa.array(n[order]),
            **{name: array.take(place) for name, array in columns.named(measure).items()},
        }
    )


def seed_rows(table: pa.Table, measure: str) -> list[SeedRow]:
    """The seeds of a table by one of its measurements, in its order.

    Raises:
        KeyError: the table has nothing of the measurement, or is no table of seeds.
    """
    there = _columns(table, measure)
    if not there:
        raise KeyError(f"{measure}: none of the columns {', '.join(table.column_names)} is of it")
    counts = table[there.pop("n", "n")].to_pylist()
    numbers = [table[name].to_pylist() for name in there.values()]
    facts = [dict(zip(there, row, strict=True)) for row in zip(*numbers, strict=True)]
    seeds, ranks = table["seed"].to_pylist(), table["rank"].to_pylist()
    return [SeedRow(*first, **fact) for *first, fact in zip(seeds, ranks, counts, facts, strict=True)]


def columns_of(table: pa.Table, measure: str) -> dict[str, pa.ChunkedArray]:
    """All that a table says of a measurement, by column, in its order."""
    own = set(_columns(table, measure).values())
    return {name: table[name] for name in table.column_names if name in own}


def described_seeds(table: pa.Table, measures: Mapping[str, About]) -> pa.Table:
    """The table of seeds with what its columns mean.

    Args:
        measures: what the measurements are of which it has the seeds' effects, by name.
    """
    said = {**_OWN}
    for measure in measures_in(table):
        of = measures.get(measure, About(measure))
        for field, name in _columns(table, measure).items():
            if field in _SAYS:
                better = of.better if field in _DIRECTED else None
                said[name] = About(f"{measure} {_SAYS[field]}.", of.unit, better)
            else:
                what, unit, better = _SAYS_BESIDE[field]
                said[name] = About(f"{measure}: {what}.", unit, better)
        said[measure] = About(f"{of.description} Here: {_SAYS['value']}.", of.unit, of.better)
    return described(table, said.get)


def measures_in(table: pa.Table) -> list[str]:
    """The measurements of which a table has the seeds' effects."""
    ends = (_EFFECT, _EFFECT_BEFORE)
    return [name.removesuffix(end) for name in table.column_names for end in ends if name.endswith(end)]


def _columns(table: pa.Table, measure: str) -> dict[str, str]:
    """Field of `SeedRow` -> the column that the table has of it.

    Older tables call both fields of `_TOPS` `m_top<k>_share`: of a distance, which has an error, it is `resampled`. Their
    effects are over the mean of all seeds.
    """
    names = [(field, f"{measure}{end}") for field, end in _ENDS.items()]
    before = [(field, name.replace(_EFFECT, _EFFECT_BEFORE)) for field, name in names]
    there = {field: name for field, name in before + names if name in table.column_names}
    top = re.compile(rf"{re.escape(measure)}_top\d+_({'|'.join(_TOPS)}|share)")
    found = {match[1]: match[0] for match in map(top.fullmatch, table.column_names) if match}
    if "share" in found:
        found["resampled" if "se" in there else "probability"] = found.pop("share")
    return there | found
