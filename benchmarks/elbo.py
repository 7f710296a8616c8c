"""The feature elbo on pictures of a bundled model: cost, repeatability, what else it goes with, and whether it is the seed's.

    python benchmarks/elbo.py                    16 seeds x 12 prompts of sprout-turbo, judged by sprout
    python benchmarks/elbo.py --draws sprout     of sprout itself, at 20 steps with guidance 3
    python benchmarks/elbo.py --levels           also how far 8 levels are from 15, over four noises, on 24 pictures

Every picture is measured twice, with two sets of noise, each shared by all pictures. `again` is the rank correlation of the two
over all pictures, `in prompts` that of values less their prompt's mean. The correlations with other measurements are by rank
within prompts, of the mean of the two sets; so are the seeds' share of the variance, with its interval at 95 %, and p of
"seeds do not differ", from scores shuffled between seeds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr

from seedscope.analysis.features import feature
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import scalar
from seedscope.jobs.sprout.judge.judge_pictures import Settings, draw, load
from seedscope.pipeline.images import Pixels
from seedscope.pipeline.models.locate import BUNDLED

OBJECTS = (
    *("penguin", "cat", "car", "rocket", "tree", "duck", "robot", "pizza", "dog"),
    *("bus", "fish", "rose", "cow", "train", "frog", "cake", "pig", "guitar"),
)
DRAWN = {"sprout": Settings(20, 3.0), "sprout-turbo": Settings(1, 0.0)}
SHUFFLES = 1000
Values = npt.NDArray[np.float64]


def pictures(model: str, prompts: list[str], seeds: int) -> tuple[Pixels, float]:
    """Pictures of all cells, ordered by (prompt, seed), and the CPU seconds of one."""
    cells = [(prompt, seed) for prompt in prompts for seed in range(seeds)]
    pipeline = load(BUNDLED / model)
    start = time.process_time()
    drawn = np.stack([np.asarray(picture) for picture in draw(pipeline, cells, DRAWN[model])])
    return drawn, (time.process_time() - start) / len(cells)


def measured(name: str, pixels: Pixels, texts: list[str], **options: object) -> tuple[dict[str, Values], float]:
    """The columns of a feature, each (N,), and the CPU seconds of a picture."""
    measurer = feature(name, **options).load("cpu")
    measurer.compute(pixels[:1], texts[:1])
    start = time.process_time()
    columns = measurer.compute(pixels, texts)
    seconds = (time.process_time() - start) / len(pixels)
    return {key: np.asarray(column, np.float64) for key, column in columns.items()}, seconds


def by_rank(one: Values, other: Values) -> float:
    return float(spearmanr(one, other).statistic)


def table(sets: list[dict[str, Values]], others: dict[str, Values], prompts: list[str]) -> Iterator[str]:
    yield f"{'':12}{'mean':>8}{'s.d.':>8}{'again':>8}{'in prompts':>12}{''.join(f'{name:>15}' for name in others)}{'seeds':>25}"
    for name in sets[0]:
        one, other = (found[name].reshape(len(prompts), -1) for found in sets)
        both = (one + other) / 2
        inside = [centred(values) for values in (one, other, both)]
        beside = [by_rank(inside[2], centred(values.reshape(both.shape))) for values in others.values()]
        yield (
            f"{name:12}{both.mean():8.3f}{both.std():8.3f}{by_rank(one.ravel(), other.ravel()):8.2f}"
            f"{by_rank(inside[0], inside[1]):12.2f}{''.join(f'{value:15.2f}' for value in beside)}   {of_seeds(both, prompts)}"
        )


def centred(values: Values) -> Values:
    """(P, S) less the means of prompts, flat."""
    inside: Values = values - values.mean(axis=1, keepdims=True)
    return inside.ravel()


def of_seeds(values: Values, prompts: list[str]) -> str:
    """What of (P, S) is the seeds'."""
    names = np.array(prompts)
    grid = Grid(values.astype(np.float32), names, names, np.arange(values.shape[1]))
    rng = np.random.default_rng(0)
    found = scalar(grid, "", None, is_rate=False, ranking=None, k=1, shuffles=SHUFFLES // 10, rng=rng)
    assert found.shares is not None and found.null is not None
    share = found.shares.seed
    assert share.share is not None and share.lo is not None and share.hi is not None
    return f"{share.share:.1%} ({share.lo:.1%} to {share.hi:.1%}), p = {found.null.differ:.2g}"


def levels(pixels: Pixels, texts: list[str]) -> Iterator[str]:
    some = np.linspace(0, len(pixels) - 1, 24).astype(int)
    chosen = [texts[i] for i in some]
    few, many = (
        measured("elbo", pixels[some], chosen, model="sprout", points=points, noises=4)[0] for points in (8, 15)
    )
    for name in few:
        missed = few[name] - many[name]
        yield (
            f"{name:12} 8 levels less 15: {missed.mean():+.4f}, s.d. over pictures {missed.std():.4f}; by rank "
            f"{by_rank(few[name], many[name]):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", choices=DRAWN, default="sprout-turbo")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--prompts", type=int, default=12, choices=range(2, len(OBJECTS) + 1), metavar="2-18")
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--noises", type=int, default=1)
    parser.add_argument("--levels", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    prompts = [f"a {name}" for name in OBJECTS[: options.prompts]]
    texts = [prompt for prompt in prompts for _ in range(options.seeds)]
    pixels, to_draw = pictures(options.draws, prompts, options.seeds)
    asked = {"model": "sprout", "points": options.points, "noises": options.noises}
    found = [measured("elbo", pixels, texts, seed=seed, **asked) for seed in (0, 1)]
    looks, clip = measured("looks", pixels, texts)[0], measured("clip_score", pixels, texts, model="sprout-clip")[0]
    others = {name: looks[name] for name in ("sharpness", "colourfulness")} | {"clip_score": clip["clip_score"]}
    calls, seconds = 2 * options.points * options.noises, np.mean([seconds for _, seconds in found])
    print(f"{options.draws}, {options.seeds} seeds x {len(prompts)} prompts; {calls} calls of sprout's UNet a picture")
    print(f"{seconds:.3f} CPU seconds a picture; to draw it took {to_draw:.3f}")
    for line in table([columns for columns, _ in found], others, prompts):
        print(line)
    for line in levels(pixels, texts) if options.levels else ():
        print(line)


if __name__ == "__main__":
    main()
