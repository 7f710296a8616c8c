"""The classifier: a small network for small pictures, an EfficientNet that knows pictures already for large ones.

No layer and no augmentation makes it blind to what a seed does: pictures are not flipped, cropped or recoloured, and the place
of what is seen reaches the last layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seedscope.analysis.experiments.identify.crossed_pictures import SMALL

CELLS = 4
"""Cells a side of the last map, each of which has its own weights for each seed."""


class SeedClassifier(nn.Module):
    """(N, 3, H, W) uint8 -> (N, S) logits."""

    maps: nn.Module
    """(N, 3, H, W) uint8 -> (N, C, h, w): the last maps before the linear layer."""

    def __init__(self, maps: nn.Module, channels: int, seeds: int) -> None:
        super().__init__()
        self.maps = maps
        self.last = nn.Linear(channels * CELLS**2, seeds)

    def read(self, maps: Tensor) -> Tensor:
        """(N, S) logits of the last maps: linear in them."""
        logits: Tensor = self.last(nn.functional.adaptive_avg_pool2d(maps, CELLS).flatten(1))
        return logits

    def forward(self, pictures: Tensor) -> Tensor:
        return self.read(self.maps(pictures))


def classifier(size: tuple[int, int], seeds: int) -> SeedClassifier:
    """The network for pictures of (height, width) pixels, with the same first weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if max(size) <= SMALL:
            return SeedClassifier(_Small(), 128, seeds)
        return SeedClassifier(_Pretrained(), 1280, seeds)


class _Small(nn.Module):
    """Maps of an eighth of the pictures' size, of 128 channels; 0.3 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(3, 32, kernel=4, stride=2),
            *_layer(32, 64),
            nn.MaxPool2d(2),
            *_layer(64, 64),
            *_layer(64, 128),
            nn.MaxPool2d(2),
            *_layer(128, 128),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        maps: Tensor = self.layers((pictures.float() - 127.5) / 64)
        return maps


def _layer(before: int, after: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, kernel, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.GELU()]


class _Pretrained(nn.Module):
    """EfficientNet-Lite0 with its weights of ImageNet: maps of a thirty-second of 224 x 224, of 1,280 channels."""

    def __init__(self) -> None:
        from seedscope.pipeline.networks.lite0 import lite0_network

        super().__init__()
        self.network: Any = lite0_network()

    def forward(self, pictures: Tensor) -> Tensor:
        from seedscope.pipeline.networks.lite0 import lite0_input

        network = self.network
        maps = network._swish(network._bn0(network._conv_stem(lite0_input(pictures))))
        for block in network._blocks:
            maps = block(maps)
        found: Tensor = network._swish(network._bn1(network._conv_head(maps)))
        return found


def groups_of_weights(network: SeedClassifier) -> list[dict[str, Any]]:
    """For an optimizer: a network that knows pictures learns ten times slower than what stands upon it."""
    slow = 0.1 if isinstance(network.maps, _Pretrained) else 1.0
    return [
        {"params": list(network.maps.parameters()), "factor": slow},
        {"params": list(network.last.parameters()), "factor": 1.0},
    ]
