"""Real photographs: the network of the Frechet distance knows what they show, and every feature gives legal values."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import offline_features
import pytest
import torch
from repository import SHARED
from timm.data import ImageNetInfo

from seedscope.analysis.features import NAMES, feature
from seedscope.pipeline.images import Pixels, decode
from seedscope.pipeline.networks.lite0 import lite0_file

PHOTOS = SHARED / "data" / "imagenet_sample_256"
pytestmark = pytest.mark.skipif(not PHOTOS.is_dir(), reason="no real photographs in ../shared/data/imagenet_sample_256")

SHARE = (0, 1)
LEGAL: dict[str, dict[str, tuple[float, float]]] = {
    "torchmetrics": {"total_variation": (0, 2)},
    "clip_score": {"clip_score": (-1, 1)},
    "fd_clip": {"fd_clip": (-1, 1)},
    "fd_efficientnet_lite0": {"fd_efficientnet_lite0": (0, 6)},
    "layout": dict.fromkeys(("x", "y", "size", "left", "top", "right", "bottom", "nearness", "confidence"), SHARE),
    "looks": {
        "colourfulness": (0, 270),
        "saturation": (0, 134),
        "brightness": (0, 100),
        "contrast": (0, 0.5),
        "sharpness": (0, np.inf),
        "border_strength": SHARE,
        "border_width": (0, 0.2),
        "sky": SHARE,
        "chroma": (0, 134),
    },
    "style_efficientnet_lite0": {"style_efficientnet_lite0": (-np.inf, np.inf)},
    "text": dict.fromkeys(("text_share", "text_confidences", "text_polygons"), SHARE),
}
"""For each feature with real weights, its columns of numbers and their least and largest possible value."""


def photographs(step: int) -> tuple[list[str], Pixels]:
    """Every `step`th file's name, which begins with the WordNet id of what it shows, and their pixels."""
    files = sorted(PHOTOS.glob("*.jpg"))[::step]
    return [file.stem for file in files], np.stack([decode(file.read_bytes()) for file in files])


def test_lite0_names_what_photographs_show_in_five_guesses() -> None:
    """The classifier of the package on top of `fd_efficientnet_lite0`. ImageNet's classes are in the order of WordNet ids."""
    names, pixels = photographs(2)
    wordnet = ImageNetInfo().label_names()
    assert wordnet == sorted(wordnet) and len(wordnet) == 1000
    truth = np.array([wordnet.index(name.split("_")[0]) for name in names])
    assert len(set(truth)) == 250
    weights = torch.load(lite0_file(), weights_only=True)
    scores = vectors(pixels) @ weights["_fc.weight"].numpy().T + weights["_fc.bias"].numpy()
    guesses = np.argsort(-scores, axis=1)[:, :5]
    assert np.mean(guesses[:, 0] == truth) > 0.84
    assert np.mean((guesses == truth[:, None]).any(axis=1)) >= 0.95


def vectors(pixels: Pixels) -> npt.NDArray[np.float32]:
    one = feature("fd_efficientnet_lite0")
    column = one.load("cpu").compute(pixels, [""] * len(pixels))[one.name]
    return np.asarray(column.flatten()).reshape(len(pixels), -1)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in (*offline_features.RANDOM, *offline_features.LARGE)]
)
def test_values_of_photographs_are_legal(name: str, tmp_path: Path) -> None:
    assert name in LEGAL, f"{name}: add its columns of numbers and their range to LEGAL"
    names, pixels = photographs(32)
    one, measurer = offline_features.made(name, tmp_path)
    found = measurer.compute(pixels, [f"a {text.split('_', 1)[1].replace('_', ' ')}" for text in names])
    assert len(names) == 16
    differ = False
    for item in one.fields():
        column = found[item.name]
        assert len(column) == 16 and column.type == item.type
        if (values := offline_features.numbers(column)) is None:
            continue
        low, high = LEGAL[name][item.name]
        assert np.isfinite(values).all() and (values >= low).all() and (values <= high).all(), item.name
        differ |= np.unique(values).size > 1
    assert differ
