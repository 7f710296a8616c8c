"""The table `measures.parquet`: a row a scalar measurement, with what is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.variance import Component
from seedscope.pipeline.tables.columns import column

_PARTS = {"seed": "the seed's", "prompt": "the prompt's", "rest": "neither the seed's nor the prompt's"}
_ENDS = {"": "", "_lo": ", lower end of the 95 % interval", "_hi": ", upper end of the 95 % interval"}
_CHANCE = {
    "best": "the best of as many seeds that do not differ",
    "worst": "the worst of as many seeds that do not differ",
}
MEASURES = pa.schema(
    [
        column(
            "measure", pa.string(), "The measurement, as the columns of scores.parquet and seeds.parquet are called."
        ),
        column("better", pa.string(), "Which of its values are good: higher or lower; null where neither is."),
        column("rate", pa.bool_(), "Whether it is yes or no, so that its mean is a share of pictures."),
        column("prompts", pa.int64(), "Prompts with a value.", "prompts"),
        column("groups", pa.int64(), "Groups of these, over which errors are taken.", "groups"),
        column("seeds", pa.int64(), "Seeds that are compared.", "seeds"),
        column("cells", pa.int64(), "Pictures with a value.", "pictures"),
        column("missing", pa.int64(), "Pictures of these prompts and seeds without one.", "pictures"),
        column("mean", pa.float64(), "Of the average seed, in the measurement's unit."),
        *(
            column(f"{part}_share{end}", pa.float64(), f"Part of the variance that is {whose}{words}.", "share")
            for part, whose in _PARTS.items()
            for end, words in _ENDS.items()
        ),
        column("reliability", pa.float64(), "Of the ranking of seeds on so many prompts: 0 chance, 1 certain.", "0..1"),
        column("prompts_for_08", pa.int64(), "Prompts that a reliability of 0.8 would take.", "prompts"),
        column("far", pa.list_(pa.int64()), "Seeds far off all others, without which reliability is given."),
        column("p", pa.float64(), "p-value for seeds that do not differ at all, by shuffles.", "0..1"),
        *(
            column(f"{which}_{end}", pa.float64(), f"{side} end of what 95 % of shuffles have as {of}.")
            for which, of in _CHANCE.items()
            for end, side in (("lo", "Lower"), ("hi", "Upper"))
        ),
        *(
            column(
                f"spearman{end}",
                pa.float64(),
                f"Rank correlation of seeds by two halves of the prompts{words}.",
                "-1..1",
            )
            for end, words in _ENDS.items()
        ),
        column("spearman_p", pa.float64(), "p-value of that correlation.", "0..1"),
        column("k", pa.int64(), "Length of the top lists that are compared.", "seeds"),
        column("overlap", pa.int64(), "Seeds that the top lists by two halves of the prompts share.", "seeds"),
        column("overlap_expected", pa.float64(), "What chance gives of them.", "seeds"),
        column("overlap_sd", pa.float64(), "Standard deviation of what chance gives.", "seeds"),
        column("overlap_p", pa.float64(), "p-value of the overlap.", "0..1"),
    ]
)
"""One row a scalar measurement: shares of variance, reliability and the prompts that 0.8 would take (both without the seeds
that lie `far` off all others), what shuffled seeds give (p, never below 1 / (shuffles + 1), the ranges of the best and of the
worst), and the seeds by one half of the prompts against those by the other; `overlap` of their top lists is null, as its p,
where seeds tie at the end of either list."""


def measures_table(scalars: Iterable[Scalar]) -> pa.Table:
    """A row a measurement, in the order of `scalars`."""
    return pa.Table.from_pylist([_row(scalar) for scalar in scalars], schema=MEASURES)


def _row(found: Scalar) -> dict[str, Any]:
    prompts, seeds = found.scores.values.shape
    row: dict[str, Any] = {
        "measure": found.name,
        "better": found.better,
        "rate": found.rates is not None,
        "prompts": prompts,
        "groups": len(found.scores.groups),
        "seeds": seeds,
        "cells": prompts * seeds - found.missing,
        "missing": found.missing,
        "mean": found.mean,
    }
    if found.shares is not None:
        for part in ("seed", "prompt", "rest"):
            share: Component = getattr(found.shares, part)
            row |= {f"{part}_share": share.share, f"{part}_share_lo": share.lo, f"{part}_share_hi": share.hi}
    row |= {"reliability": found.reliability, "prompts_for_08": found.prompts_for_08}
    row["far"] = found.seeds[found.far].tolist()
    if found.null is not None:
        row["p"] = found.null.differ
        for end, values in (("best", found.null.best), ("worst", found.null.worst)):
            row[f"{end}_lo"], row[f"{end}_hi"] = found.by_chance(values)
    if found.stability is not None:
        rank, top = found.stability.rank, found.stability.top
        row |= {"spearman": rank.rho, "spearman_lo": rank.lo, "spearman_hi": rank.hi, "spearman_p": rank.p}
        row |= {"k": top.k, "overlap": top.shared}
        row |= {"overlap_expected": top.expected, "overlap_sd": top.sd, "overlap_p": top.p}
    return row
