"""A second opinion: what a run says of some seeds, computed once more from the stored pictures by torchmetrics.

Networks are those of the run; everything after them (means, covariances, roots, kernels, cosines) is torchmetrics' own. Source:
Detlefsen et al. (2022), "TorchMetrics - Measuring Reproducibility in PyTorch".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from seedscope.analysis.features.as_transformers import AsTransformers
from seedscope.analysis.features.clip_score import ClipScore
from seedscope.analysis.features.embedding import Embedding
from seedscope.analysis.judging.measurement import distance_name
from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.seed_row import seed_rows
from seedscope.pipeline.images import Pixels, decode
from seedscope.pipeline.models.device import pick_device
from seedscope.pipeline.study.prompts import Prompt

if TYPE_CHECKING:
    import torch

AT_ONCE = 32
SUBSETS = 400
"""Of the reference pictures, over which torchmetrics takes the mean of KID."""
CLOSE = 1e-3
ERRORS = 5.0


@dataclass(frozen=True)
class Opinion:
    """A number of a seed by the run and by torchmetrics. pictures: of the seed. error: the standard error of what torchmetrics
    draws by lot; None where it draws nothing."""

    measure: str
    seed: int
    pictures: int
    ours: float
    theirs: float
    error: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether they differ by less than a thousandth, or by less than five standard errors."""
        apart = abs(self.ours - self.theirs)
        return apart <= CLOSE * abs(self.theirs) or (self.error is not None and apart <= ERRORS * self.error)


def some_seeds(ranking: Ranking) -> list[int]:
    """The best, the middle and the worst seed of a ranking; fewer where it has fewer."""
    ranked = [row.seed for row in ranking.ranked]
    places = sorted({0, len(ranked) // 2, len(ranked) - 1}) if ranked else []
    return [ranked[place] for place in places]


def second_opinions(run: Run, table: pa.Table, seeds: Sequence[int]) -> list[Opinion]:
    """The distances and CLIPScores of some seeds, each by the run and by torchmetrics: the Frechet distance and KID of each
    feature of which `seeds.parquet` has them, and the mean CLIPScore.

    Args:
        table: the run's `seeds.parquet`.

    Raises:
        FeatureError: weights are missing.
        CorruptShard: a shard is damaged.
    """
    read = RunPictures(run.images, run.units)
    device = pick_device(run.study.compute.device)
    without = {*run.wanted.seeds} - {row.seed for row in Ranking.of(table).ranked}
    found: list[Opinion] = []
    for item in run.measures:
        if isinstance(item.feature, Embedding) and item.feature.needs_reference:
            names = {kind: distance_name(item.feature.name, kind) for kind in ("frechet", "kid")}
            kinds = [kind for kind, name in names.items() if name in table.column_names]
            if kinds:
                prompts = SeedRows.of(item.table, item.feature.name, run.units, without).prompts
                judges = _distances(run, item.feature, kinds, device)
                for seed in seeds:
                    pixels = [each for prompt in prompts if (each := read(seed, prompt)) is not None]
                    for kind, judge in judges.items():
                        theirs, error = judge(pixels)
                        ours = _value(table, names[kind], seed)
                        found.append(Opinion(names[kind], seed, len(pixels), ours, theirs, error))
        elif isinstance(item.feature, ClipScore) and item.feature.name in table.column_names:
            judge_texts = _clip_score(item.feature, device)
            for seed in seeds:
                shown = [(each, prompt) for prompt in run.wanted.prompts if (each := read(seed, prompt.id)) is not None]
                ours = 100 * _value(table, item.feature.name, seed)
                found.append(Opinion(item.feature.name, seed, len(shown), ours, judge_texts(shown)))
    return found


def _value(table: pa.Table, measure: str, seed: int) -> float:
    value = next(row.value for row in seed_rows(table, measure) if row.seed == seed)
    return float("nan") if value is None else value


Judge = Callable[[Sequence[Pixels]], tuple[float, float | None]]


def _distances(run: Run, feature: Embedding, kinds: Sequence[str], device: str) -> dict[str, Judge]:
    """Kind -> what computes it of a seed's pictures: a number, and the standard error of what was drawn by lot."""
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    class Network(torch.nn.Module):
        """The feature as torchmetrics asks for a network."""

        num_features = feature.dimensions

        def __init__(self) -> None:
            super().__init__()
            self._embed = feature.load(device).embed

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode():
                return self._embed(pictures.to(device)).cpu()

    network, fid = Network(), None
    if "frechet" in kinds:
        fid = FrechetInceptionDistance(feature=network, reset_real_features=False).set_dtype(torch.float64)
    kid = (
        KernelInceptionDistance(feature=network, subsets=SUBSETS, reset_real_features=False) if "kid" in kinds else None
    )
    for metric in filter(None, (fid, kid)):
        for batch in _batches(_reference(run)):
            metric.update(batch, real=True)

    def frechet(pixels: Sequence[Pixels]) -> tuple[float, None]:
        return _of(fid, pixels)[0], None

    def kernel(pixels: Sequence[Pixels]) -> tuple[float, float]:
        assert kid is not None
        kid.subset_size = len(pixels)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            mean, spread = _of(kid, pixels)
        return mean, spread / SUBSETS**0.5

    return {kind: judge for kind, judge in (("frechet", frechet), ("kid", kernel)) if kind in kinds}


def _of(metric: Any, pixels: Sequence[Pixels]) -> list[float]:
    metric.reset()
    for batch in _batches(pixels):
        metric.update(batch, real=False)
    found = metric.compute()
    return [float(each) for each in (found if isinstance(found, tuple) else (found,))]


def _clip_score(feature: ClipScore, device: str) -> Callable[[Sequence[tuple[Pixels, Prompt]]], float]:
    from torchmetrics.multimodal.clip_score import CLIPScore

    encoder = feature.build()
    encoder.network.to(device)
    both: Any = lambda: (AsTransformers(encoder, device),) * 2  # noqa: E731
    metric = CLIPScore(model_name_or_path=both)

    def judge(shown: Sequence[tuple[Pixels, Prompt]]) -> float:
        metric.reset()
        for start in range(0, len(shown), AT_ONCE):
            some = shown[start : start + AT_ONCE]
            metric.update([_tensor([pixels])[0] for pixels, _ in some], [prompt.text for _, prompt in some])
        return float(metric.compute())

    return judge


def _reference(run: Run) -> Iterator[Pixels]:
    for unit in run.reference.units():
        for image in run.reference.read(unit)["image"].to_pylist():
            if image is not None and image["bytes"] is not None:
                yield decode(image["bytes"])


def _batches(pixels: Sequence[Pixels] | Iterator[Pixels]) -> Iterator[torch.Tensor]:
    """(N, 3, H, W) uint8 of neighbours of one size."""
    for _, alike in groupby(pixels, key=lambda each: each.shape):
        some = list[Pixels]()
        for each in alike:
            some.append(each)
            if len(some) == AT_ONCE:
                yield _tensor(some)
                some = []
        if some:
            yield _tensor(some)


def _tensor(pixels: Sequence[Pixels]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.stack(pixels).transpose(0, 3, 1, 2)))
