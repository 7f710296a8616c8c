"""A run to export: made-up pictures and scores, and a golden list of a tiny Stable Diffusion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import StableDiffusionPipeline
from made_up_run import made_up, publish_run
from tiny_golden import golden_for
from tiny_models import sd1

from seedscope.analysis import GoldenSeeds
from seedscope.analysis.dataset.write import write_dataset
from seedscope.analysis.exports.source import Source
from seedscope.analysis.judging.run_view import open_run
from seedscope.analysis.run.opened import opened

PROMPTS, SEEDS = 3, 16
"""Of the run; golden are the seeds 7, 3 and 12."""


def exported_run(folder: Path) -> Path:
    """The folder of a run of 3 prompts x 16 seeds, with its tables, its card and a golden list."""
    study = publish_run(folder, made_up(PROMPTS, SEEDS))
    with opened(study, folder / "run") as run:
        write_dataset(run)
    tiny_golden(folder).save(folder / "run" / "golden.json")
    return folder / "run"


def tiny_golden(folder: Path, **conditions: Any) -> GoldenSeeds:
    """Golden seeds of a tiny Stable Diffusion 1.x, whose latents are (4, 8, 8)."""
    pipe = StableDiffusionPipeline.from_pretrained(sd1(folder / "model"), safety_checker=None)
    return golden_for(pipe, negative_prompt="blurry (soft)", **conditions)


def source(run: Path, golden: GoldenSeeds | None = None, asked: list[int] | None = None) -> Source:
    """The run to export, as if it had another golden list."""
    view = open_run(run)
    if golden is not None:
        view.__dict__["golden"] = golden
    return Source(view, asked)
