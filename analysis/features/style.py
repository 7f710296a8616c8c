"""Style: which features of a network go together anywhere in a picture, whatever stands where."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.analysis.features.embedding import Embed, Embedding
from seedscope.pipeline.networks.gram import SKETCH, gram, projection, triangle
from seedscope.pipeline.networks.lite0 import LITE0_INPUT, LITE0_LAYERS, lite0_file, lite0_maps, lite0_network
from seedscope.pipeline.networks.published import Published
from seedscope.pipeline.networks.weights import fill, read_weights, sha256_of

if TYPE_CHECKING:
    import torch

Maps = Callable[["torch.Tensor"], Iterator["torch.Tensor"]]
"""The feature maps (N, C, h, w) of each layer in turn, of images (N, 3, H, W) uint8, on one device."""

VGG19 = Published("style_vgg19", "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", "dcbb9e9d")


class Style(Embedding):
    """A sketch of the Gram matrix of each layer, one after the other: 256 numbers a layer.

    The squared distance of two vectors is about the style loss of two pictures, 4.4 % (one standard deviation) off in each
    layer's distance; the layers weigh the same. Columns [256 i, 256 (i + 1)) are layer i of `layers`.

    Source: Gatys et al. (2016), CVPR, eqs. 3-5; the sketch, see `gram.projection`.
    """

    needs_reference: ClassVar[bool] = False
    layers: ClassVar[Mapping[str, int]]
    """Name -> channels of the layers looked at, from the shallowest to the deepest."""

    @property
    def dimensions(self) -> int:
        return SKETCH * len(self.layers)

    def build(self, device: str) -> Embed:
        import torch

        maps = self.network(device)
        lengths = [channels * (channels + 1) // 2 for channels in self.layers.values()]
        projections = [projection(length, layer).to(device) for layer, length in enumerate(lengths)]

        def embed(images: torch.Tensor) -> torch.Tensor:
            layers = zip(maps(images), projections, strict=True)
            return torch.cat([triangle(gram(of_layer)) @ one for of_layer, one in layers], dim=1)

        return embed

    @abstractmethod
    def network(self, device: str) -> Maps:
        """A function that holds the network with its weights, on a torch device, evaluating."""


class StyleLite0(Style):
    """Style by EfficientNet-Lite0, which ships as a package: the stem, and the last block at each further resolution.

    Preprocessing is that of `fd_efficientnet_lite0`.
    """

    name: ClassVar[str] = "style_efficientnet_lite0"
    layers: ClassVar[Mapping[str, int]] = {name: size for name, size in LITE0_LAYERS.items() if name != "head"}

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "weights": sha256_of(lite0_file()), "input": LITE0_INPUT, "layers": [*self.layers]}

    def network(self, device: str) -> Maps:
        network = lite0_network().to(device)

        def maps(images: torch.Tensor) -> Iterator[torch.Tensor]:
            found = lite0_maps(network, images)
            return (found[layer] for layer in self.layers)

        return maps


class StyleVGG19(Style):
    """Style by the network of the paper, VGG19 of torchvision: relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1.

    `weights`: the published file (.pth), or its tensors as .safetensors. Without it, torch hub's cache is used, and the file
    (548 MB) is downloaded there once. The whole picture is resized to 224 x 224 as for `fd_efficientnet_lite0`, and scaled
    by ImageNet's mean and standard deviation. Holds 0.4 GB beside the pictures.

    Source: Gatys et al. (2016), CVPR, section 2; torchvision.models.vgg19. Deviation: torchvision's weights, not the paper's
    rescaled ones; maximum pooling, as VGG19 was trained.
    """

    name: ClassVar[str] = "style_vgg19"
    layers: ClassVar[Mapping[str, int]] = {"1": 64, "6": 128, "11": 256, "20": 512, "29": 512}  # as torchvision counts

    def __init__(self, weights: str | Path | None = None, batch_size: int = 16) -> None:
        super().__init__(batch_size)
        self._weights = None if weights is None else Path(weights)

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "weights": VGG19.identity(self._weights), "input": "224 bicubic antialias, ImageNet"}

    def network(self, device: str) -> Maps:
        import torch
        from torchvision.models import vgg19

        path = VGG19.cached() if self._weights is None else self._weights
        if not VGG19.is_at(path):
            message = f"{path} is not the published file {VGG19.file}: its styles compare with no others."
            warnings.warn(message, stacklevel=4)
        with torch.device("meta"):
            network = vgg19()
        fill(network, read_weights(path), path)
        seen: torch.nn.Module = network.features[: int([*self.layers][-1]) + 1]
        return partial(self._maps, seen.to(memory_format=torch.channels_last).to(device))

    def _maps(self, network: torch.nn.Module, images: torch.Tensor) -> Iterator[torch.Tensor]:
        from torch.nn.functional import interpolate
        from torchvision.transforms.v2.functional import normalize

        resized = interpolate(images.float(), (224, 224), mode="bicubic", align_corners=False, antialias=True)
        out = normalize(resized.clamp(0.0, 255.0) / 255.0, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        for name, step in network.named_children():
            out = step(out)
            if name in self.layers:
                yield out
