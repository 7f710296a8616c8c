"""sprout-turbo at one step against sprout at 20 steps with guidance: pictures a second through the stock pipeline's call.

python benchmarks/turbo.py
"""

import argparse
import statistics
import time
from typing import Any

import torch

from seedscope.jobs.sprout.judge.judge_pictures import Settings, draw, load, questions
from seedscope.pipeline.models.locate import BUNDLED

BATCH = 32  # what `draw` hands to the pipeline at once


def rate(pipeline: Any, settings: Settings, batches: int) -> float:
    """Pictures a second of the wall clock."""
    prompts = [question.prompt for question in questions()]
    cells = [(prompts[i % len(prompts)], i) for i in range(BATCH * batches)]
    start = time.perf_counter()
    drawn = sum(1 for _ in draw(pipeline, cells, settings))
    return drawn / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sprout, turbo = load(BUNDLED / "sprout"), load(BUNDLED / "sprout-turbo")
    many, one = Settings(20, 3.0), Settings(1, 0.0)
    for pipeline, settings in ((sprout, many), (turbo, one)):
        rate(pipeline, settings, 1)  # warm
    pairs = [(rate(turbo, one, 8), rate(sprout, many, 1)) for _ in range(options.rounds)]
    fast, slow, ratios = [p[0] for p in pairs], [p[1] for p in pairs], [p[0] / p[1] for p in pairs]
    print(f"batch {BATCH}, {options.threads} threads, {options.rounds} rounds, turn and turn about")
    for name, values, unit in (
        ("sprout-turbo, 1 step", fast, "pictures/s"),
        ("sprout, 20 steps, guidance 3", slow, "pictures/s"),
        ("ratio (wanted 10)", ratios, "x"),
    ):
        print(f"{name:<30} {statistics.median(values):7.1f} {unit:<10} ({min(values):.1f} to {max(values):.1f})")


if __name__ == "__main__":
    main()
