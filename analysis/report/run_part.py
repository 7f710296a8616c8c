"""What the pages' scripts know of a run's pictures: prompts, seeds, where pictures lie, and what was measured of each.

Scores are whole numbers of 16 bits between the least and the largest value of their measurement, in base64: a browser reads
880 x 1,024 of them in a few milliseconds. They lie in files that are read when they are needed: one a measurement, for
sorting, and one a seed, for what stands beside a picture.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seedscope.analysis.report.data import Measured, PictureScores, ReportData
from seedscope.analysis.report.standings import names
from seedscope.analysis.report.strips import Strips

MISSING = 65_535
SHOWN_DIGITS = 3
Codes = npt.NDArray[np.uint16]


def run_part(data: ReportData, seeds: Sequence[int], strips: Strips) -> dict[str, Any]:
    """JSON values that stand for the run, without its scores."""
    return {
        "title": data.title,
        "seeds": names(seeds),
        "ranked": names(data.ranked),
        "golden": names(data.golden.seeds) if data.golden else [],
        "ids": list(data.prompts),
        "prompts": list(data.prompts.values()),
        "groups": [data.groups.get(prompt, "") for prompt in data.prompts],
        "shown": [data.places[prompt] for prompt in data.shown],
        "sheet": {
            "columns": strips.sheet.columns,
            "rows": strips.sheet.rows,
            "width": strips.sheet.width,
            "height": strips.sheet.height,
        },
        "missing": {str(seed): places for seed, places in strips.missing.items() if places},
        "full": _full(strips.full, len(data.prompts)),
        "by": data.by,
        "measures": [_about(measured, scores) for measured, scores in _of_pictures(data)],
    }


def score_parts(data: ReportData, seeds: Sequence[int]) -> Iterator[tuple[str, str]]:
    """(name of a file, base64) of each measurement, by seed and then by prompt, and of each seed, by measurement and then by
    prompt."""
    codes = [_codes(scores, seeds) for _, scores in _of_pictures(data)]
    for place, of_measure in enumerate(codes):
        yield f"measure_{place}", _text(of_measure)
    for row, seed in enumerate(seeds):
        if codes:
            yield f"seed_{seed:06d}", _text(np.stack([of_measure[row] for of_measure in codes]))


def _of_pictures(data: ReportData) -> list[tuple[Measured, PictureScores]]:
    of_name = {scores.measure: scores for scores in data.scores}
    return [(measured, of_name[measured.name]) for measured in data.measures if measured.name in of_name]


def _about(measured: Measured, scores: PictureScores) -> dict[str, Any]:
    low, high = _ends(scores.values)
    steps = math.log10((high - low) / 10**SHOWN_DIGITS) if high > low else -SHOWN_DIGITS
    return {
        "name": measured.name,
        "title": measured.title,
        "unit": measured.unit,
        "better": measured.better,
        "rate": measured.rate,
        "decimals": 0 if measured.rate else min(6, max(0, round(-steps))),
        "low": low,
        "high": high,
    }


def _ends(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def _codes(scores: PictureScores, seeds: Sequence[int]) -> Codes:
    """(S, P), of all seeds of the report."""
    low, high = _ends(scores.values)
    whole = (scores.values.T - low) * ((MISSING - 1) / (high - low) if high > low else 0.0)
    known = np.where(np.isfinite(whole), np.rint(whole), MISSING).astype("<u2")
    codes = np.full((len(seeds), known.shape[1]), MISSING, "<u2")
    row = {seed: place for place, seed in enumerate(scores.seeds)}
    there = [(place, row[seed]) for place, seed in enumerate(seeds) if seed in row]
    if there:
        into, origin = np.array(there).T
        codes[into] = known[origin]
    return codes


def _text(codes: Codes) -> str:
    return base64.b64encode(codes.tobytes()).decode("ascii")


def _full(written: Mapping[str, Mapping[int, Sequence[int]]], prompts: int) -> dict[str, dict[str, Any]]:
    """Ending -> seed -> the places that have a file, or true where all have."""
    return {
        ending: {str(seed): True if len(places) == prompts else list(places) for seed, places in of_seeds.items()}
        for ending, of_seeds in written.items()
    }
