"""What a judged run knows of lambda: by how much the rest of a score varies more than what seeds add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason
from seedscope.pipeline.tables.parquet import read_whole


@dataclass(frozen=True)
class KnownRatio:
    """Lambda of a measurement, above 0, with its interval; infinite where seeds do not differ, or may not."""

    measure: str
    ratio: float
    lo: float
    hi: float


def known_ratios(folder: Path, study: Path, named: Sequence[str]) -> list[KnownRatio]:
    """Of the run's measurements with good and bad values, or of those that are named, in the order of its measures.parquet.

    Raises:
        UserError: there is no such table, it cannot be read, or a measurement is not in it.
    """
    file = folder / "measures.parquet"
    if not file.exists():
        raise UserError(
            f"{folder}: no measures.parquet yet, so nothing is known of lambda. `seedscope run {study}` writes it; or state "
            "--lambda."
        )
    try:
        rows = read_whole(file).to_pylist()
        known = {row["measure"]: _ratio(row) for row in rows if row["reliability"] is not None}
        usual = [row["measure"] for row in rows if row["better"] is not None]
    except (*UNREADABLE, KeyError) as error:
        raise UserError(
            f"{file}: cannot be read: {reason(error)}. `seedscope seeds {study}` writes it again."
        ) from None
    if missing := [name for name in named if name not in known]:
        raise UserError(
            f"--measure {missing[0]}: is not among the measurements of {folder} that say something of the seeds: "
            f"{', '.join(known) or 'none'}."
        )
    return [known[name] for name in known if name in (named or usual)]


def _ratio(row: Mapping[str, Any]) -> KnownRatio:
    """Lambda from the reliability m / (m + lambda) at the run's m prompts; its interval is that of the seed's share."""
    reliable, share, rest = row["reliability"], row["seed_share"], row["rest_share"]
    ratio = row["prompts"] * (1.0 - reliable) / reliable if reliable > 0 else inf
    # Errors over groups of prompts are in the reliability, not in the share of single pictures: a factor carries it over.
    design = ratio * share / rest if share and rest else 1.0
    ends = (design * rest / end if end else inf for end in (row["seed_share_hi"], row["seed_share_lo"]))
    return KnownRatio(row["measure"], ratio, *ends)
