"""Sets of seeds that are drawn together, as runs beside the run, one for each strength of the push."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from seedscope.analysis.experiments.diverse_table.contest import Contender, K, of_particles
from seedscope.analysis.experiments.diverse_table.prepared import Prepared
from seedscope.analysis.experiments.diverse_table.read import read_pictures
from seedscope.analysis.run.beside import must_be_drawn, run_beside, unjudged
from seedscope.analysis.run.drawing_time import seconds_a_picture
from seedscope.analysis.run.run import AnyRun, DrawnRun, Run
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Json, fingerprint

PROMPTS_A_UNIT = 8
WAYS = {"latent": "Particle Guidance, latents", "features": "Particle Guidance, features"}


def runs_beside(
    run: AnyRun, ready: Prepared, options: dict[str, str], strengths: Sequence[float], sets: int
) -> list[DrawnRun]:
    """The runs, not made yet.

    Raises:
        UserError: the run's pictures cannot be drawn so.
    """
    drawn = must_be_drawn(run)
    if drawn.study.task_name != "prompts":
        raise UserError(f"the study draws by `{drawn.study.task_name}`, and sets are drawn from prompts alone.")
    seeds = ready.ground.pictures.seeds
    count = min(sets, len(seeds) // K) * K
    chosen = [int(seed) for seed in ready.rng("sets").choice(np.array(seeds), count, replace=False)]
    return [_beside(drawn, ready, {**options, "set": K, "strength": strength}, chosen) for strength in strengths]


def contender(run: AnyRun, ready: Prepared, kernel: str, strength: float) -> Contender:
    """What the sets of a run beside are worth, once it is made."""
    wanted = list(must_be_drawn(run).study.every_seed)
    pushed = read_pictures(run, ready.judges, ready.prompts, wanted)
    if len(pushed.prompts) < len(ready.prompts):
        raise UserError(
            f"{run.folder.storage.url}: pictures of {len(ready.prompts) - len(pushed.prompts)} prompts came out as nothing "
            "that can be measured: the push is too strong. Leave this strength out."
        )
    seconds = seconds_a_picture(run.images, run.units)
    return of_particles(ready.ground, pushed, WAYS[kernel], strength, seconds, _pull(run))


def _beside(run: DrawnRun, ready: Prepared, options: dict[str, str | float], seeds: list[int]) -> DrawnRun:
    study = json.loads(run.study.model_dump_json())
    task: Json = {"name": "particles", "options": {**options}}
    prompts: list[Json] = [prompt.text for prompt in ready.prompts]
    mark = fingerprint({"task": task, "seeds": [*seeds], "prompts": prompts})[:8]
    needed = ready.judges.features
    changes: dict[str, Json] = {
        "task": task,
        "prompts": prompts,
        "seeds": [*seeds],
        "unit": {"prompts": PROMPTS_A_UNIT, "seeds": K},
        "features": [choice for choice in study["features"] if choice["name"] in needed],
        "ranking": {"by": ready.judges.good.feature},
    }
    return unjudged(run_beside(run, f"particles-{options['kernel']}-{options['strength']:g}-{mark}", **changes))


def _pull(run: Run) -> float | None:
    """The median c of all sets, by the receipts."""
    found: list[float] = []
    for unit in run.units:
        told = run.images.receipt(unit.name).made.get("particles")
        pulls = told.get("c") if isinstance(told, dict) else None
        found += [float(str(pull)) for pull in pulls] if isinstance(pulls, list) else []
    return float(np.median(found)) if found else None
