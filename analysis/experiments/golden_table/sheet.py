"""The pictures of table 1: some golden, random and worst seeds on some of the prompts that took no part in choosing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from seedscope.analysis.experiments.golden_table.arms import Arms, places
from seedscope.analysis.experiments.golden_table.sets import paired
from seedscope.analysis.experiments.golden_table.table import Scored
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly, pictures_of
from seedscope.analysis.sheets.arms_sheet import Standing, arms_sheet
from seedscope.pipeline.study.prompts import Prompt

SEEDS, PROMPTS = 3, 7


def sheet(run: Run, arms: Arms, prompts: Sequence[Prompt], by: Scored | None, notes: Sequence[str]) -> Image.Image:
    """Draw it. by: the measurement of single pictures that seeds stand by; without it, by their rank alone."""
    shown = evenly(prompts, PROMPTS)
    others = [seed for seed in arms.random if seed not in arms.worst]
    rows = {
        "Golden": list(arms.golden[:SEEDS]),
        "Random": evenly(others, SEEDS),
        "Worst": list(arms.worst[-SEEDS:]),
    }
    seeds = [seed for some in rows.values() for seed in some]
    standings = {seed: _standing(seed, arms, by) for seed in seeds}
    measure = "rank where they were chosen" if by is None else f"{by.item.name} less random seeds', 95 % interval"
    return arms_sheet(
        rows,
        standings,
        pictures_of(run, seeds, [prompt.id for prompt in shown]),
        {prompt.id: prompt.text for prompt in shown},
        title=f"{run.subject}: prompts that took no part in choosing",
        measure=measure,
        notes=notes,
    )


def _standing(seed: int, arms: Arms, by: Scored | None) -> Standing:
    rank = arms.order.index(seed) + 1
    if by is None:
        return Standing(rank, float(rank), None)
    values = by.grid.values[by.whole].astype(np.float64)
    own, random = places([seed], by.grid.seeds), places(arms.random, by.grid.seeds)
    less = paired(values[:, own[0]], values[:, random].mean(axis=1), by.grid.groups[by.whole])
    return Standing(rank, less.mean, None if less.lo is None or less.hi is None else (less.lo, less.hi))
