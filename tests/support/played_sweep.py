"""A sweep whose pictures and scores are made up: nothing is drawn, so that what is true of the seeds is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from seedscope.analysis.judging.race.decide import decide
from seedscope.analysis.judging.race.early_trial import tried
from seedscope.analysis.run.opened import begun, run_of
from seedscope.analysis.run.raced_run import after_trial, with_round
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline import images
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.tables.table import Table

Score = Callable[[Prompt, int], float | None]
"""Prompt and seed -> the score of their picture; None where it could not be measured."""
Embedded = Callable[[Prompt, int], Sequence[float]]
"""The same of a feature that is compared with real pictures: the vector of their picture."""
Picture = Callable[[Prompt, int], np.ndarray[Any, Any] | None]
"""Prompt and seed -> (h, w, 3) uint8; None where it could not be drawn."""


def study(folder: Path, file: str = "study.yaml", **changes: object) -> Path:
    """The study file of a sweep of 32 seeds to 4, by a score that is said to be CLIP's."""
    content: dict[str, Any] = {
        "name": "played",
        "model": "sprout-turbo",
        "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
        "compute": {"device": "cpu"},
        "prompts": [f"thing {i}" for i in range(60)],
        "seeds": {"among": "0-31", "golden": 4, "budget": 640, "random": 12},
        "features": [{"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score", "shuffles": 20},
    }
    path = folder / file
    path.write_text(yaml.safe_dump({key: value for key, value in (content | changes).items() if value is not None}))
    return path


def opened(path: Path, out: Path) -> DrawnRun:
    """The run of a study file, recorded."""
    run = run_of(path, out)
    assert isinstance(run, DrawnRun)
    run = begun(run)
    assert isinstance(run, DrawnRun)
    return run


def made(run: DrawnRun, score: Score | Embedded, picture: Picture | None = None) -> None:
    """Publish pictures and scores of all units that lack them."""
    done = run.images.committed()
    for unit in run.units:
        if unit.name not in done:
            publish(run.images, run.measures[0].table, unit, score, picture)


def publish(
    pictures: Table, scores: Table, unit: Unit, score: Score | Embedded, picture: Picture | None = None
) -> None:
    """A picture, by default of noise, and a score for each cell of a unit."""
    rng = np.random.default_rng(len(unit))
    drawn = [rng.integers(0, 255, (8, 8, 3), np.uint8) if picture is None else picture(*cell) for cell in unit.cells]
    there = [each is not None for each in drawn]
    values = [score(*cell) if drawn else None for cell, drawn in zip(unit.cells, there, strict=True)]
    columns = {
        "prompt_id": [prompt.id for prompt, _ in unit.cells],
        "prompt": [prompt.text for prompt, _ in unit.cells],
        "seed": [seed for _, seed in unit.cells],
        "image": [None if each is None else {"bytes": images.encode(each), "path": None} for each in drawn],
        "status": ["ok" if drawn else "failed" for drawn in there],
        "error": [None if drawn else "not finite" for drawn in there],
        "clip_score": values,
        "fd_clip": values,
        "clip_score_prompt_cut": [False] * len(unit),
    }
    for table, made in ((pictures, {}), (scores, {"source": None})):
        mark = {key: pictures.receipt(unit.name).sha256 for key in made}
        table.publish(unit, pa.table({name: columns[name] for name in table.schema.names}, table.schema), mark)


def publish_real(run: DrawnRun, embedded: Embedded) -> None:
    """Publish the vectors of the real pictures that seeds are compared with."""
    (real,) = run.reference_measures
    for unit in run.reference.units():
        cells = {
            "prompt_id": [prompt.id for prompt, _ in unit.cells],
            "seed": [seed for _, seed in unit.cells],
            "status": ["ok"] * len(unit),
            "error": pa.nulls(len(unit), pa.string()),
            real.feature.name: [embedded(*cell) for cell in unit.cells],
        }
        real.table.publish(unit, pa.table(cells, real.table.schema), {"source": ""})


def played(
    run: DrawnRun, score: Score | Embedded, picture: Picture | None = None, early: Score | Embedded | None = None
) -> DrawnRun:
    """The same with all rounds that its scores decide. early: scores of early pictures; None: those of finished ones."""

    def all_made() -> None:
        made(run, score, picture)
        if run.early is not None:
            made(run.early, early or score, picture)

    all_made()
    if run.race is not None and run.race.trying:
        found = tried(run)
        run = after_trial(run, found.record(), kept=found.kept)
        all_made()
    while run.race is not None and run.race.golden is None and (more := decide(run).round) is not None:
        run = with_round(run, more)
        all_made()
    return run


def planted(seeds: int, share: float, seed: int = 0) -> tuple[np.ndarray[Any, Any], Score]:
    """(S,) true effects of seeds, and scores of which they have a share of the variance beside what prompts have."""
    effects = np.random.default_rng(seed).normal(size=seeds) * np.sqrt(share)

    def score(prompt: Prompt, number: int) -> float:
        of_prompt = np.random.default_rng(int(prompt.id, 16)).normal()
        rest = np.random.default_rng([int(prompt.id, 16), number, seed]).normal() * np.sqrt(1 - share)
        return float(3 * of_prompt + effects[number] + rest)

    return effects, score
