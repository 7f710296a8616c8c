"""Words by a segmentation model that has a label for text: it marks scribbles that no reader takes for letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from seedscope.analysis.features.layout.object_choice import ANY
from seedscope.analysis.features.layout.segmentation import ONEFORMER, SEMANTIC, UNIVERSAL, segmenter
from seedscope.analysis.features.layout.segmenter import Segmenter
from seedscope.analysis.features.text.text_regions import Mask, Pixels, Region, TextDetector, upright
from seedscope.pipeline.networks.pretrained import Pretrained

KINDS = (*SEMANTIC, *UNIVERSAL, ONEFORMER)
"""The `model_type` of the models that have labels."""
GAP = 1 / 16  # of the shorter side: the letters of sprout's words stand closer, its words further apart
AT_ONCE = 8  # pictures that share a call


class TextLabels(TextDetector):
    """Words are connected pixels whose best label is one for text: see `text_labels`.

    Parts with at most `GAP` between them are one word (closing with a square; 8-connectivity). A word's plane is its
    pixels, its polygon and box are upright around them. The network computes in float32.

    Raises FeatureError where the model is missing or wrong.
    """

    def __init__(self, model: Pretrained, device: str) -> None:
        self._labels = text_labels(model)
        # With no background, since text is no object for `layout`; a SAM is not asked for by models with labels.
        self._segmenter: Segmenter[Any] = segmenter(model, sam=model, objects=ANY, background="", threshold=0.0)
        self._segmenter.to(device, half=False)
        self._device = device

    def find(self, pixels: Pixels, enlarged: Sequence[Pixels]) -> list[list[Region]]:
        starts = range(0, len(pixels), AT_ONCE)
        planes = [plane for start in starts for plane in self._text(pixels[start : start + AT_ONCE])]
        return [regions(plane, large.shape) for plane, large in zip(planes, enlarged, strict=True)]

    def _text(self, pixels: Pixels) -> list[Mask]:
        """The pixels of text in each picture."""
        import torch

        # As in `layout`: a convolution rounds alike in every batch.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).to(self._device)
            found = self._segmenter.find(images, [self._labels] * len(pixels))
        return [np.zeros(pixels.shape[1:3], np.bool_) if one is None else one.mask for one in found]


def text_labels(model: Pretrained) -> tuple[int, ...]:
    """The ids of the labels whose name has the word "text", in any case. Raises FeatureError where there is none."""
    labels = {int(index): str(label) for index, label in model.config(*KINDS).get("id2label", {}).items()}
    found = tuple(index for index, label in labels.items() if "text" in re.findall(r"[^\W\d_]+", label.casefold()))
    if not found:
        named = ", ".join(list(labels.values())[:20]) + (", ..." if len(labels) > 20 else "")
        raise model.error(f"{model.model} has no label with the word 'text', only {named or 'none'}")
    return found


def regions(text: Mask, enlarged: tuple[int, ...]) -> list[Region]:
    """The words among the pixels of text; `enlarged`: the shape of the picture that they are read in."""
    from scipy import ndimage

    height, width = text.shape
    reach = round(min(height, width) * GAP / 2)
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.bool_)
    closed = ndimage.binary_closing(np.pad(text, reach), square)[reach : reach + height, reach : reach + width]
    words, _ = ndimage.label(closed, np.ones((3, 3)))
    words[~text] = 0  # what the closing added joins, but is not text
    found = []
    for word, (rows, columns) in enumerate(ndimage.find_objects(words), start=1):
        polygon = upright(columns.start / width, columns.stop / width, rows.start / height, rows.stop / height)
        (left, top), (right, bottom) = np.rint(polygon[[0, 2]] * (enlarged[1], enlarged[0])).astype(int).tolist()
        found.append(Region(polygon, words == word, [left, right, top, bottom]))
    return found
