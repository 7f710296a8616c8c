"""The embedding of EfficientNet-Lite0, which ships as a package."""

from __future__ import annotations

from typing import ClassVar

from seedscope.analysis.features.embedding import Embed, Embedding
from seedscope.pipeline.networks.lite0 import LITE0_INPUT, lite0_file, lite0_maps, lite0_network
from seedscope.pipeline.networks.weights import sha256_of


class EfficientNetLite0(Embedding):
    """1,280 numbers: the global average pool in front of EfficientNet-Lite0's ImageNet classifier, each in [0, 6].

    The whole picture is resized to 224 x 224 (bicubic, a = -0.5, widened when it shrinks, in float32 without rounding,
    then clipped to [0, 255]) and scaled to (x - 127) / 128.

    Source: network and scaling, github.com/tensorflow/tpu, efficientnet/lite; resize, Parmar et al. (2022), arXiv
    2104.11222, section 3. Deviation: the classifier's evaluation crops the middle 87.5 %; here nothing is cut off.
    """

    name: ClassVar[str] = "fd_efficientnet_lite0"
    dimensions = 1280

    def facts(self) -> dict[str, str | int]:
        return {"version": 1, "weights": sha256_of(lite0_file()), "input": LITE0_INPUT}

    def build(self, device: str) -> Embed:
        network = lite0_network().to(device)
        return lambda images: lite0_maps(network, images)["head"].mean(dim=(2, 3))
