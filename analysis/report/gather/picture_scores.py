"""What was measured of each picture, as the report's pages look it up: a grid of prompts and seeds a measurement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedscope.analysis.judging.judge import Judged
from seedscope.analysis.report.data import Measured, PictureScores
from seedscope.analysis.run.run import Run


def picture_scores(run: Run, judged: Judged, measures: Sequence[Measured]) -> list[PictureScores]:
    """Of each measurement of single pictures, in the order of `measures`; distances have none but their witness."""
    drawn = np.array([*dict.fromkeys(prompt.id for unit in run.units for prompt in unit.prompts)])
    row = {prompt.id: place for place, prompt in enumerate(run.wanted.prompts)}
    found = []
    for measured in measures:
        if (scalar := judged.scalars.get(measured.name)) is None:
            continue
        known = [(place, row[prompt]) for place, prompt in enumerate(drawn[scalar.measured].tolist()) if prompt in row]
        values = np.full((len(row), len(scalar.seeds)), np.nan, np.float32)
        if known:
            here, there = np.array(known).T
            values[there] = scalar.scores.values[here]
        found.append(PictureScores(measured.name, scalar.seeds.tolist(), values))
    return found
