"""Every feature as it can be made here: with its bundled weights, or with tiny random ones in the published layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiny_clip
import tiny_models

from seedscope.analysis.features import Feature, feature
from seedscope.analysis.features.base import Measurer

LAYOUT = {"model": "sprout-layout/segmentation", "depth": "sprout-layout/depth", "objects": "any"}
BUNDLED: dict[str, dict[str, str]] = {
    "clip_score": {"model": "sprout-clip"},
    "fd_clip": {"model": "sprout-clip"},
    "layout": LAYOUT,
    "torchmetrics": {"metric": "total_variation"},
}
"""Options by which features get weights that come with seedscope; those that are not named here need none."""

RANDOM: dict[str, Callable[[Path], Feature]] = {
    "elbo": lambda folder: feature("elbo", model=str(tiny_models.sd2(folder)), points=2),
    "fd_dinov2": lambda folder: feature("fd_dinov2", model=str(tiny_clip.dinov2(folder))),
    "hps_v2": lambda folder: feature(
        "hps_v2", **dict(zip(("weights", "architecture"), tiny_clip.hps(folder), strict=True))
    ),
    "pick_score": lambda folder: feature("pick_score", model=str(tiny_clip.clip(folder)), processor=str(folder)),
}
"""Features whose weights cannot be had here, or are slow on photographs: one with random weights, written to a folder."""


LARGE = ("fid_inception", "style_vgg19")
"""Features whose random weights take long to write."""


def made(name: str, folder: Path) -> tuple[Feature, Measurer]:
    """A feature, and what measures by it."""
    one = RANDOM[name](folder) if name in RANDOM else feature(name, **BUNDLED.get(name, {}))
    return one, one.load("cpu")


def numbers(column: Any) -> npt.NDArray[np.float64] | None:
    """All numbers of a column of floats, or of lists of them; None for other columns."""
    while pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        column = column.drop_null().flatten()
    if not pa.types.is_floating(column.type):
        return None
    return np.asarray(column.drop_null().to_numpy(zero_copy_only=False), np.float64)
