"""Words by EasyOCR's own detector, CRAFT, which looks for letters and the gaps between them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from seedscope.analysis.features.text.text_regions import Pixels, Region, TextDetector, covered, upright

if TYPE_CHECKING:
    import torch

AT_ONCE = 1 << 16  # pixels that the network takes at once on a processor, whose cache holds no more


@dataclass(frozen=True)
class Thresholds:
    """EasyOCR's: the score of a letter's core, of its surroundings and of the gap between two letters, each in 0..1."""

    text: float
    low_text: float
    link: float


class Craft(TextDetector):
    """The words that `reader.detect` finds in the enlarged pictures one by one.

    `network` is EasyOCR's CRAFT; `half`: it computes in bfloat16. A picture whose longer side is above `canvas_size` is
    shrunk for it. A word's plane is the pixels whose centre lies in its polygon.
    """

    def __init__(
        self, reader: Any, network: torch.nn.Module, thresholds: Thresholds, canvas_size: int, half: bool
    ) -> None:
        from easyocr.detection import get_textbox

        self._reader, self._thresholds, self._canvas_size = reader, thresholds, canvas_size
        reader.get_textbox = get_textbox
        reader.detector = _faster(network, half).to(reader.device)

    def find(self, pixels: Pixels, enlarged: Sequence[Pixels]) -> list[list[Region]]:
        if not len(pixels):
            return []
        step = max(1, AT_ONCE // max(1, enlarged[0][..., 0].size))
        found = []
        for start in range(0, len(enlarged), step):
            part = np.stack(enlarged[start : start + step])
            for horizontal, free in zip(*self._detect(part), strict=True):
                corners = [*(upright(*box) for box in horizontal), *(np.array(box, np.float64) for box in free)]
                polygons = [np.clip(one / (part.shape[2], part.shape[1]), 0, 1) for one in corners]
                found.append(
                    [
                        Region(polygon, covered(polygon, pixels.shape[1:3]), box)
                        for polygon, box in zip(polygons, [*horizontal, *free], strict=True)
                    ]
                )
        return found

    def _detect(self, pictures: Pixels) -> tuple[list[list[Any]], list[list[Any]]]:
        """Of each picture, the upright boxes and the others."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy's conversions, at every box
            horizontal, free = self._reader.detect(
                pictures,
                text_threshold=self._thresholds.text,
                low_text=self._thresholds.low_text,
                link_threshold=self._thresholds.link,
                canvas_size=self._canvas_size,
                reformat=False,
            )
        return horizontal, free


def _faster(craft: torch.nn.Module, half: bool) -> torch.nn.Module:
    """CRAFT with its linear layers merged, in channels-last order and, where `half`, in bfloat16: 2.8 times as fast."""
    import torch

    dtype = torch.bfloat16 if half else torch.float32

    class Faster(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.craft = craft.to(dtype).to(memory_format=torch.channels_last)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            scores, features = self.craft(images.to(dtype, memory_format=torch.channels_last))
            return scores.float(), features

    _fold_norms(craft)
    _merge_bottom(craft)
    return Faster().eval()


def _fold_norms(craft: torch.nn.Module) -> None:
    """Put each batch norm into the convolution before it."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for part in list(craft.modules()):
        if isinstance(part, torch.nn.Sequential):
            for (name, step), (following, norm) in pairwise(list(part.named_children())):
                if isinstance(step, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
                    setattr(part, name, fuse_conv_bn_eval(step, norm))
                    setattr(part, following, torch.nn.Identity())


def _merge_bottom(craft: Any) -> None:
    """Put the backbone's last two convolutions, and the next one's part that takes them, into one with half the channels.

    Nothing but a concatenation stands between the three: the function is the same, up to rounding.
    """
    import torch

    wide, narrow = craft.basenet.slice5[1:]  # 3 x 3, 1 x 1
    join = craft.upconv1.conv[0]  # 1 x 1, of theirs and an earlier layer's channels
    count = join.out_channels
    with torch.no_grad():
        taken, earlier = join.weight[:, : narrow.out_channels, 0, 0], join.weight[:, narrow.out_channels :, 0, 0]
        through = taken @ narrow.weight[:, :, 0, 0]
        bias = through @ wide.bias + taken @ narrow.bias + join.bias
        wide.weight = torch.nn.Parameter(torch.einsum("oi,icyx->ocyx", through, wide.weight), requires_grad=False)
        wide.bias = torch.nn.Parameter(bias, requires_grad=False)
        weight = torch.cat([torch.eye(count), earlier], dim=1)[..., None, None]
        join.weight = torch.nn.Parameter(weight, requires_grad=False)
        join.bias = torch.nn.Parameter(torch.zeros(count), requires_grad=False)
    craft.basenet.slice5[2] = torch.nn.Identity()
