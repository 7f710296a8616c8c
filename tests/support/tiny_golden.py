"""A golden list for a tiny pipeline."""

from __future__ import annotations

from typing import Any

from seedscope.analysis import GoldenSeeds
from seedscope.analysis.select.conditions import Conditions, Prompts
from seedscope.analysis.select.why import SeedStanding, Why
from seedscope.pipeline.drawing.noise import NoiseContract

SEEDS = [7, 3, 12]
SHAPE = (4, 8, 8)


WEIGHTS = {"unet/model.safetensors": "a" * 64, "vae/model.safetensors": "d" * 64}


def golden_for(pipe: Any, **conditions: Any) -> GoldenSeeds:
    standings = [
        SeedStanding(seed=seed, rank=rank, value=10.0 + rank, interval=(9.0 + rank, 11.5 + rank), n=40)
        for rank, seed in enumerate(SEEDS, start=1)
    ]
    return GoldenSeeds(
        seeds=SEEDS,
        why=Why(
            rule="top",
            measure="fd_efficientnet_lite0",
            better="lower",
            k=3,
            ranked=32,
            sentence="The 3 lowest of 32 seeds on the prompts on which they were chosen; not yet measured on others.",
            standings=standings,
        ),
        conditions=Conditions.of(
            pipe,
            id="tiny",
            family="sd",
            steps=2,
            guidance_scale=5.0,
            prompts=Prompts(count=40, sha256="b" * 64),
            weights=WEIGHTS,
            **conditions,
        ),
        noise=NoiseContract.of(SEEDS, SHAPE),
    )
