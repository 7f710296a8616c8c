"""Per-seed Frechet distances: seedscope against torchmetrics, on the same features, in one run.

    python benchmarks/frechet.py            64 seeds, 2,048 dimensions, 4,000 and 500 images a seed
    python benchmarks/frechet.py --quick    8 seeds, 512 dimensions, a minute at most

seedscope measures every seed. torchmetrics (update and compute of FrechetInceptionDistance with the features handed in)
measures a few of them, each right after seedscope measured the same one, so that other load on the machine hits both; the
table gives the ratio's median and range over these pairs, and torchmetrics' total scaled from its seconds a seed. The ratio
of CPU seconds is the one to trust on a busy machine.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from seedscope.analysis.seeds.distances.bootstrap import paired_bootstrap
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.jackknife import jackknife
from seedscope.analysis.seeds.distances.moments import moments

Rows = npt.NDArray[np.float32]


class Handed(torch.nn.Module):
    """An extractor that hands on the features it is given."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.num_features = dimensions

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


@dataclass
class Comparison:
    """Seconds a seed: ours on all seeds; (ours, theirs) on a few, on the wall and on the CPU; values' largest difference."""

    images: int
    ours: list[float]
    pairs: list[tuple[float, float]]
    cpu_pairs: list[tuple[float, float]]
    difference: float
    peaks: dict[int, float]


def features(seed: int, images: int, dimensions: int) -> Rows:
    """Rows (images, D) float32 with variances over four decades, about what an Inception network gives."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((images, dimensions), dtype=np.float32)
    rows *= np.geomspace(1.0, 1e-2, dimensions, dtype=np.float32)
    rows += np.float32(0.01 * (seed % 7))
    return rows


def timed(work: Callable[[Rows], float], rows: Rows) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds of all threads, result) of work(rows)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(rows)
    return time.perf_counter() - wall, time.process_time() - cpu, result


def peak_gib() -> float:
    """This process's largest memory so far, in GiB (ru_maxrss is in KiB on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def compare(images: int, dimensions: int, seeds: int, pairs: int, real: Rows, reference: Reference) -> Comparison:
    def ours(rows: Rows) -> float:
        value = frechet_distance_of_rows(rows, reference)
        assert value is not None
        return value

    metric = FrechetInceptionDistance(feature=Handed(dimensions), reset_real_features=False)
    metric.update(torch.from_numpy(real).double(), real=True)

    def theirs(rows: Rows) -> float:
        metric.reset()
        metric.update(torch.from_numpy(rows).double(), real=False)
        return float(metric.compute())

    result = Comparison(images, [], [], [], 0.0, {})
    for seed in range(seeds):
        result.ours.append(timed(ours, features(seed, images, dimensions))[0])
        if seed + 1 in (max(seeds // 4, 1), seeds):
            result.peaks[seed + 1] = peak_gib()
    for seed in range(pairs):
        rows = features(seed, images, dimensions)
        (our_wall, our_cpu, our_value), (their_wall, their_cpu, their_value) = timed(ours, rows), timed(theirs, rows)
        result.pairs.append((our_wall, their_wall))
        result.cpu_pairs.append((our_cpu, their_cpu))
        result.difference = max(result.difference, abs(our_value / their_value - 1.0))
    return result


def lines(result: Comparison, reference_seconds: float, wanted: float) -> Iterator[str]:
    seeds = len(result.ours)
    ratios, cpu_ratios = (sorted(b / a for a, b in pairs) for pairs in (result.pairs, result.cpu_pairs))
    their_seed = float(np.median([theirs for _, theirs in result.pairs]))
    our_total = sum(result.ours) + reference_seconds
    yield f"{result.images} images a seed"
    yield f"  seedscope, {seeds} seeds and the reference's root   {our_total:9.1f} s   ({np.median(result.ours):.3f} s a seed)"
    yield (
        f"  torchmetrics, {seeds} seeds                         {their_seed * seeds:9.1f} s   "
        f"({their_seed:.3f} s a seed, scaled from {len(ratios)} seeds)"
    )
    yield (
        f"  ratio a seed, side by side                     {np.median(ratios):9.1f}     "
        f"({ratios[0]:.1f} to {ratios[-1]:.1f} over {len(ratios)} pairs; wanted {wanted:g})"
    )
    yield (
        f"  ratio a seed, CPU seconds                      {np.median(cpu_ratios):9.1f}     "
        f"({cpu_ratios[0]:.1f} to {cpu_ratios[-1]:.1f})"
    )
    yield f"  ratio of the totals                            {their_seed * seeds / our_total:9.1f}"
    yield f"  largest relative difference of the values      {result.difference:9.1e}"
    for count, peak in result.peaks.items():
        yield f"  peak memory after {count:3d} seeds                     {peak:9.2f} GiB"


def uncertainty(seeds: int, images: int, dimensions: int, reference: Reference) -> str:
    """Seconds for all leave-one-prompt-out distances of all seeds and 1,000 paired resamples."""

    start = time.perf_counter()
    states = [jackknife(features(seed, images, dimensions), np.arange(images), reference) for seed in range(seeds)]
    paired_bootstrap(states, np.random.default_rng(0), resamples=1000)
    seconds = time.perf_counter() - start
    return f"  {seeds} seeds, {images:4d} images, {dimensions} dimensions: {seconds:9.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small version, for a look")
    quick = parser.parse_args().quick
    seeds, dimensions, many, few, real_images = (8, 512, 1000, 125, 2000) if quick else (64, 2048, 4000, 500, 10_000)
    print(f"{seeds} seeds, {dimensions} dimensions, {real_images} real images, {torch.get_num_threads()} threads")
    real = features(10**6, real_images, dimensions)
    start = time.perf_counter()
    reference = Reference.of(moments(real))
    reference_seconds = time.perf_counter() - start
    print(f"reference: moments and root once for all seeds      {reference_seconds:9.1f} s")
    for images, wanted in ((few, 15.0), (many, 3.0)):
        result = compare(images, dimensions, seeds, 5, real, reference)
        print("\n".join(lines(result, reference_seconds, wanted)), flush=True)
    print("uncertainty over prompts: every leave-one-out distance and 1,000 paired resamples")
    small = Reference.of(moments(real[:, :1280])) if dimensions > 1280 else reference
    for images in (24, 100):
        print(uncertainty(32, images, small.dimensions, small), flush=True)


if __name__ == "__main__":
    main()
