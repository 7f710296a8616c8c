"""What a judged run knows of lambda: by how much the rest of a score varies more than what seeds add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason
from seedscope.pipeline.tables.parquet import read_whole
from seedscope.pipeline.tables.rounds import rounds

MEASURES = "measures.parquet"


@dataclass(frozen=True)
class KnownRatio:
    """Lambda of a measurement, with its interval; infinite where seeds do not differ, or may not, and 0 where nothing else
    counts."""

    measure: str
    ratio: float
    lo: float
    hi: float


def ratios_of(run: Run, study: Path, named: Sequence[str]) -> list[KnownRatio]:
    """What a run knows: by `known_ratios`; of a sweep, whose last pictures are of chosen seeds, by what its rounds recorded.

    Raises:
        UserError: as of `known_ratios`; or the sweep has decided no round yet, or went by another measurement.
    """
    if not (decided := rounds(run.folder.storage)):
        if run.folder.storage.local is None:
            run.folder.fetch([MEASURES] if MEASURES in run.folder.storage.names("") else [])
        return known_ratios(run.folder.path, study, named)
    why = decided[-1].why
    if "lambda" not in why:
        raise UserError(
            f"{run.folder.storage.url}: its sweep has decided no round yet, so nothing is known of lambda. "
            f"`seedscope run {study}` goes on; or state --lambda."
        )
    by = str(why.get("by"))
    if other := [name for name in named if name != by]:
        raise UserError(
            f"--measure {other[0]}: the sweep in {run.folder.storage.url} went by {by}. Its last pictures are of seeds that "
            "were chosen by that, so that of others no lambda is known; state --lambda."
        )
    ratio = _number(why["lambda"])
    lo, hi = (_number(why[end]) if end in why else ratio for end in ("lambda_lo", "lambda_hi"))
    return [KnownRatio(by, ratio, lo, hi)]


def _number(value: Json) -> float:
    """As a round records it: null where it is endless."""
    return float(value) if isinstance(value, int | float) else inf


def known_ratios(folder: Path, study: Path, named: Sequence[str]) -> list[KnownRatio]:
    """Of the run's measurements with good and bad values, or of those that are named, in the order of its measures.parquet.

    Raises:
        UserError: there is no such table, it cannot be read, or a measurement is not in it.
    """
    file = folder / MEASURES
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
