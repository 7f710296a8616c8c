"""The table `measures.parquet`: a row a scalar measurement, with what is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.scores.variance import Component

MEASURES = pa.schema(
    [
        pa.field("measure", pa.string()),
        pa.field("better", pa.string()),
        pa.field("rate", pa.bool_()),
        *(pa.field(name, pa.int64()) for name in ("prompts", "groups", "seeds", "cells", "missing")),
        pa.field("mean", pa.float64()),
        *(
            pa.field(f"{part}_share{end}", pa.float64())
            for part in ("seed", "prompt", "rest")
            for end in ("", "_lo", "_hi")
        ),
        pa.field("reliability", pa.float64()),
        pa.field("prompts_for_08", pa.int64()),
        pa.field("far", pa.list_(pa.int64())),
        *(pa.field(name, pa.float64()) for name in ("p", "best_lo", "best_hi", "worst_lo", "worst_hi")),
        *(pa.field(f"spearman{end}", pa.float64()) for end in ("", "_lo", "_hi", "_p")),
        *(pa.field(name, pa.int64()) for name in ("k", "overlap")),
        *(pa.field(name, pa.float64()) for name in ("overlap_expected", "overlap_sd", "overlap_p")),
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
