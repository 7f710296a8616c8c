"""Image metrics of torchmetrics that give a number to each picture, by name: alone, or against a given picture.

A metric is a line in `METRICS`. ARNIQA is none of them: its published regressor is a pickled module, which is code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.features.as_transformers import AsTransformers
from seedscope.analysis.features.base import Feature, FeatureError, Measurer, check_pictures
from seedscope.analysis.features.likeness import Compare, as_tensor, as_values, lpips, ms_ssim, psnr, ssim
from seedscope.pipeline.images import ImageError, decode
from seedscope.pipeline.networks.clip_models import TransformersClip
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.tables.columns import About

if TYPE_CHECKING:
    import torch

VERSION = 1
AT_ONCE = 16
Alone = Callable[["torch.Tensor"], "torch.Tensor"]
"""(N, 3, H, W) float32 of 0..1 -> (N,)."""


@dataclass(frozen=True)
class Metric:
    """A metric: what its number means and which direction is good, if one is.

    load: on a device, what computes it; with the given picture where it is `against` one, else with the CLIP of the study.
    """

    about: About
    better: Better | None
    load: Callable[[TorchmetricsValues, str], Alone | Compare]
    against: bool = False
    by_clip: bool = False


class TorchmetricsValues(Feature):
    """One float32 column a metric, named as it: `torchmetrics: {metric: "total_variation, psnr", against: target.png}`.

    | metric | what | good |
    | --- | --- | --- |
    | `total_variation` | mean absolute difference of neighbouring pixels, of the three channels, 0..2 | |
    | `clip_iqa` | CLIP-IQA: how much more a CLIP takes it for a good photo than for a bad one, 0..1 | higher |
    | `ssim`, `ms_ssim` | similarity to the given picture, up to 1; `ms_ssim` is null below 161 pixels a side | higher |
    | `psnr` | peak signal-to-noise ratio to the given picture, dB; null of an equal picture | higher |
    | `lpips` | learnt distance to the given picture, 0 or more, by weights of torchvision on disk | lower |

    `metric`: one or several, with commas; `against`: the given picture's file, which is brought to the size of the pictures
    (bicubic); `model`, `revision`: a CLIP in transformers layout, for `clip_iqa`.

    Source: Detlefsen et al. (2022), "TorchMetrics - Measuring Reproducibility in PyTorch"; CLIP-IQA: Wang, Chan, Loy (2023),
    "Exploring CLIP for assessing the look and feel of images", here with the position embeddings of the CLIP that is given.
    """

    name: ClassVar[str] = "torchmetrics"

    def __init__(
        self,
        metric: str = "",
        against: str | None = None,
        model: str = "openai/clip-vit-base-patch16",
        revision: str | None = None,
    ) -> None:
        self.metrics = [name.strip().lower() for name in str(metric).split(",")]
        if not metric:
            raise FeatureError(f"torchmetrics: name one of its metrics, such as `metric: {next(iter(METRICS))}`.")
        for name in self.metrics:
            if name not in METRICS:
                raise FeatureError(f"torchmetrics: no metric is called {name!r}. Known: {', '.join(METRICS)}.")
        if twice := [name for name in METRICS if self.metrics.count(name) > 1]:
            raise FeatureError(f"torchmetrics: {twice[0]} is named twice.")
        comparing = [name for name in self.metrics if METRICS[name].against]
        if bool(comparing) != (against is not None):
            raise FeatureError(
                f"torchmetrics: {comparing[0]} compares with a given picture; name its file as `against`."
                if comparing
                else f"torchmetrics: {', '.join(self.metrics)} compares with no picture; leave `against` out."
            )
        self.against = None if against is None else Path(against)
        self.clip = Pretrained(self.name, model, revision)

    def fields(self) -> list[pa.Field]:
        return [METRICS[name].about.on(pa.field(name, pa.float32())) for name in self.metrics]

    def scalars(self) -> dict[str, Better | None]:
        return {name: METRICS[name].better for name in self.metrics}

    def fingerprint(self) -> str:
        facts: dict[str, Any] = {"feature": self.name, "version": VERSION, "metrics": sorted(self.metrics)}
        if self.against is not None:
            facts["against"] = hashlib.sha256(self._given()).hexdigest()
        if any(METRICS[name].by_clip for name in self.metrics):
            facts["clip"] = self.clip.identity()
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> Measurer:
        given = None if self.against is None else self._decoded()
        return _Measurer({name: METRICS[name].load(self, device) for name in self.metrics}, given, device)

    def _given(self) -> bytes:
        try:
            return Path(str(self.against)).read_bytes()
        except OSError as error:
            raise FeatureError(f"torchmetrics: against {self.against}: cannot be read: {error.strerror}.") from error

    def _decoded(self) -> npt.NDArray[np.uint8]:
        try:
            return decode(self._given())
        except ImageError as error:
            raise FeatureError(f"torchmetrics: against {self.against}: {error}.") from error


class _Measurer(Measurer):
    """The metrics on a device. given: (h, w, 3) uint8 that is compared with, or None."""

    def __init__(self, computed: dict[str, Alone | Compare], given: npt.NDArray[np.uint8] | None, device: str) -> None:
        self._computed, self._given, self._device = computed, given, device

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        import torch

        check_pictures(pixels, prompts)
        found: dict[str, list[npt.NDArray[np.float32]]] = {name: [np.empty(0, np.float32)] for name in self._computed}
        with torch.no_grad():
            for start in range(0, len(pixels), AT_ONCE):
                some = as_tensor(pixels[start : start + AT_ONCE], self._device)
                for name, compute in self._computed.items():
                    beside = [self._beside(some)] if METRICS[name].against else []
                    found[name].append(compute(some, *beside).float().cpu().numpy().reshape(-1))
        values = {name: np.concatenate(parts) for name, parts in found.items()}
        return {
            name: pa.array(np.where(np.isfinite(each), each, np.nan), pa.float32(), from_pandas=True)
            for name, each in values.items()
        }

    def _beside(self, pictures: torch.Tensor) -> torch.Tensor:
        """The given picture at the size of the pictures, once for each of them."""
        import torch

        if self._given is None:
            raise ValueError("no picture is given to compare with")
        given = as_tensor(self._given[None], self._device)
        if given.shape[2:] != pictures.shape[2:]:
            size = pictures.shape[2:]
            given = torch.nn.functional.interpolate(given, size=size, mode="bicubic", antialias=True).clamp(0, 1)
        return given.expand(len(pictures), -1, -1, -1).contiguous()


def _total_variation(_: TorchmetricsValues, __: str) -> Alone:
    def compute(pictures: torch.Tensor) -> torch.Tensor:
        from torchmetrics.functional.image import total_variation

        steps = pictures[0].numel()
        return as_values(total_variation(pictures, reduction="none")) / steps

    return compute


def _clip_iqa(feature: TorchmetricsValues, device: str) -> Alone:
    from torchmetrics.multimodal.clip_iqa import CLIPImageQualityAssessment

    encoder = TransformersClip(feature.clip, feature.clip)
    encoder.network.to(device)
    both: Any = lambda: (AsTransformers(encoder, device),) * 2  # noqa: E731
    judge = CLIPImageQualityAssessment(model_name_or_path=both, data_range=1.0).to(device)

    def compute(pictures: torch.Tensor) -> torch.Tensor:
        judge.reset()
        judge.update(255 * pictures)
        return as_values(judge.compute())

    return compute


def _lpips(_: TorchmetricsValues, device: str) -> Compare:
    found = lpips(device)
    if isinstance(found, str):
        raise FeatureError(f"torchmetrics: {found}")
    return found[1]


METRICS = {
    "total_variation": Metric(
        About("Mean absolute difference of neighbouring pixels: detail, and noise.", "share of the range"),
        None,
        _total_variation,
    ),
    "clip_iqa": Metric(
        About("CLIP-IQA: how much more a CLIP takes it for a good photo than for a bad one.", "0..1"),
        "higher",
        _clip_iqa,
        by_clip=True,
    ),
    "ssim": Metric(
        About("Structural similarity to the given picture.", "up to 1"), "higher", lambda *_: ssim, against=True
    ),
    "ms_ssim": Metric(
        About("Structural similarity to the given picture at five scales.", "up to 1"),
        "higher",
        lambda *_: ms_ssim,
        against=True,
    ),
    "psnr": Metric(
        About("Peak signal-to-noise ratio to the given picture.", "dB"), "higher", lambda *_: psnr, against=True
    ),
    "lpips": Metric(
        About("Distance to the given picture by a network that learnt what people see.", ">= 0"),
        "lower",
        _lpips,
        against=True,
    ),
}
"""Name in a study -> the metric."""
