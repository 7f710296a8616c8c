"""Where the object stands in a picture: its mask, and the place, size, box and depth that follow from it."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature, FeatureError, Measurer, check_pictures
from seedscope.analysis.features.layout import mask_geometry
from seedscope.analysis.features.layout.depth import Depth, gives_distance
from seedscope.analysis.features.layout.segmentation import GROUNDED, KINDS, segmenter
from seedscope.analysis.features.layout.segmenter import Found, Segmenter
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.tables.columns import About, column
from seedscope.pipeline.tables.image_column import IMAGE

VERSION = 1
_NUMBERS: dict[str, About] = {
    "x": About("Centre of mass of the object, to the right.", "share of the width"),
    "y": About("Centre of mass of the object, down.", "share of the height"),
    "size": About("Size of the object.", "share of the picture"),
    "left": About("Left side of the box around the object.", "share of the width"),
    "top": About("Upper side of the box around the object.", "share of the height"),
    "right": About("Right side of the box around the object.", "share of the width"),
    "bottom": About("Lower side of the box around the object.", "share of the height"),
    "nearness": About("How likely the object is nearer than the rest: 0 behind, 1 in front of all.", "0..1"),
    "confidence": About("How sure the network is of the object's mask.", "0..1"),
}
Pixels = npt.NDArray[np.uint8]
Row = dict[str, Any]


class Layout(Feature):
    """Eleven columns, numbers float32. All are null where the object is not found, or not named in the prompt.

    | column | what | range |
    | --- | --- | --- |
    | `object` | string: the label that was found, or the phrase that was looked for | |
    | `x`, `y` | centroid, as share of width and height, to the right and down | 0 .. 1 |
    | `size` | share of the picture | `smallest` .. 1 |
    | `left`, `top`, `right`, `bottom` | bounding box, as shares of width and height | 0 .. 1 |
    | `nearness` | `mask_geometry.nearer()`: how likely the object is nearer than the rest | 0 behind .. 1 in front |
    | `confidence` | of the mask, by the family: `labelled.Labelled`, `text_prompted.ClipSeg`, `.GroundedSam` | 0 .. 1 |
    | `mask` | `tables.image_column.IMAGE`: PNG of one bit a pixel, white is the object; not there with `masks: false` | |

    `nearness` is an order, not a distance: 1 for all that stands in front of everything else. It is null where `depth` is
    empty, and where the object fills the picture.

    Options:
        model: a bundled model (`sprout-layout/segmentation`), a folder or a hub id of any kind in `segmentation.KINDS`:
            models with labels, or told by text: CLIPSeg, Grounding DINO. `revision`: of a hub id.
        objects: `named`: what the prompt names first of the model's labels; where the model is told by text, the whole
            prompt. `any`: all labels at once. Or a comma-separated list of words: the first of them that the prompt
            names. With "a cat on the grass", a model without cats finds the grass; a list says what is meant.
        background: a comma-separated list of labels that `named` and `any` pass over, such as "sky, grass, wall"; by
            default background, text and border.
        threshold: the least confidence of a mask with labels, or of a box; of CLIPSeg, that of each pixel.
        smallest: the least share of the picture; fewer pixels are not an object seen.
        sam: the SAM that makes a mask of Grounding DINO's box. `sam_revision`: of a hub id.
        depth: a bundled model (`sprout-layout/depth`), a folder or a hub id of any kind in `depth.gives_distance`; empty for
            none. `depth_revision`: of a hub id.
        batch_size: pictures that share a call; a picture of H x W takes H x W x labels x 4 bytes beside the network.
        half: run in float16 on CUDA; batches then always have `batch_size` rows, the last one repeated, because kernels
            chosen by batch size would round differently.

    Source: the measurements, Xu et al. (2024), arXiv 2405.14828 (composition).
    """

    name: ClassVar[str] = "layout"

    def __init__(
        self,
        model: str = "facebook/mask2former-swin-small-coco-panoptic",
        revision: str | None = None,
        objects: str = "named",
        background: str | None = None,
        threshold: float = 0.3,
        smallest: float = 0.01,
        sam: str = "facebook/sam-vit-base",
        sam_revision: str | None = None,
        depth: str = "depth-anything/Depth-Anything-V2-Small-hf",
        depth_revision: str | None = None,
        masks: bool = True,
        batch_size: int = 8,
        half: bool = True,
    ) -> None:
        for option, value in {"threshold": threshold, "smallest": smallest}.items():
            if not (isinstance(value, int | float) and 0 <= value <= 1):
                raise FeatureError(f"layout.{option}: is {value!r}, but it is a share: give a number from 0 to 1.")
        if not objects.strip(" ,;"):
            raise FeatureError("layout.objects: is empty; give `named`, `any`, or the objects by name.")
        if batch_size < 1:
            raise FeatureError(f"layout.batch_size: is {batch_size}; at least one picture is needed.")
        self._model = Pretrained(self.name, model, revision)
        self._sam = Pretrained(self.name, sam, sam_revision, option="sam")
        self._depth = Pretrained(self.name, depth, depth_revision, option="depth") if depth else None
        self._objects, self._background = objects, background
        self.threshold, self.smallest, self.masks = threshold, smallest, masks
        self.batch_size, self.half = batch_size, half

    def fields(self) -> list[pa.Field]:
        found = column(
            "object", pa.string(), "What was found: the label, or the phrase that was looked for; null where nothing."
        )
        numbers = [said.on(pa.field(name, pa.float32())) for name, said in _NUMBERS.items()]
        mask = column("mask", IMAGE, "The object's mask as a PNG of one bit a pixel, white on the object.")
        return [found, *numbers, *([mask] if self.masks else [])]

    def scalars(self) -> dict[str, Better | None]:
        """All but the sides of the box, which place and size nearly tell; none has a direction that is good."""
        names = ("x", "y", "size", "nearness", "confidence")
        return {name: None for name in names if self._depth is not None or name != "nearness"}

    def fingerprint(self) -> str:
        facts: dict[str, Any] = {
            "feature": self.name,
            "version": VERSION,
            "model": self._model.identity(),
            "objects": [self._objects, self._background],
            "least": [self.threshold, self.smallest],
            "masks": self.masks,
            "half on cuda": self.half,
        }
        if self._model.config(*KINDS)["model_type"] in GROUNDED:
            facts["sam"] = self._sam.identity()
        if self._depth is not None:
            facts["depth"] = self._depth.identity() | {"distance": gives_distance(self._depth)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> LayoutMeasurer:
        finder = segmenter(self._model, self._sam, self._objects, self._background, self.threshold)
        depth = None if self._depth is None else Depth(self._depth)
        for network in (finder, depth):
            if network is not None:
                network.to(device, self.half)
        return LayoutMeasurer(self, finder, depth, device)


class LayoutMeasurer(Measurer):
    """A layout with its networks on a device: what finds the object, and what tells how near it is, if that is asked for."""

    def __init__(self, feature: Layout, finder: Segmenter[Any], depth: Depth | None, device: str) -> None:
        self.feature, self._finder, self._depth, self._device = feature, finder, depth, device
        self._warned = False

    def compute(self, pixels: Pixels, prompts: Sequence[str]) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        rows: list[Row] = [{} for _ in prompts]
        wanted = [self._finder.wanted(prompt) for prompt in prompts]
        self._warn([prompt for prompt, one in zip(prompts, wanted, strict=True) if one is None])
        for chunk in self._chunks([row for row, one in enumerate(wanted) if one is not None]):
            pictures = pixels[self._filled(chunk)]
            found, nearness = self._measured(pictures, [wanted[row] for row in self._filled(chunk)])
            for place, row in enumerate(chunk):
                rows[row] = self._row(found[place], None if nearness is None else nearness[place])
        return {item.name: pa.array([row.get(item.name) for row in rows], item.type) for item in self.feature.fields()}

    def _measured(self, pixels: Pixels, wanted: list[Any]) -> tuple[list[Found | None], npt.NDArray[np.float32] | None]:
        """The object in each picture, and how near each pixel is."""
        import torch

        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).to(self._device)
            found = self._finder.find(images, wanted)
            return found, None if self._depth is None else self._depth.nearness(images).cpu().numpy()

    def _row(self, found: Found | None, nearness: npt.NDArray[np.float32] | None) -> Row:
        """The values of a picture, by column; none where no object is large and sure enough."""
        if found is None or not found.confidence >= self.feature.threshold:  # so that NaN is none too
            return {}
        mask = found.mask
        if mask_geometry.size(mask) < self.feature.smallest:
            return {}
        values = (
            *mask_geometry.centroid(mask),
            mask_geometry.size(mask),
            *mask_geometry.box(mask),
            None if nearness is None else mask_geometry.nearer(nearness, mask),
            found.confidence,
        )
        image = {"mask": {"bytes": mask_geometry.png(mask), "path": None}} if self.feature.masks else {}
        return {"object": found.object} | dict(zip(_NUMBERS, values, strict=True)) | image

    def _chunks(self, rows: list[int]) -> Iterator[list[int]]:
        size = self.feature.batch_size
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _filled(self, chunk: list[int]) -> list[int]:
        """The rows of a chunk, in half precision filled up to the batch size."""
        filled = self.feature.half and self._device.startswith("cuda")
        missing = self.feature.batch_size - len(chunk) if filled else 0
        return chunk + chunk[-1:] * missing

    def _warn(self, unnamed: list[str]) -> None:
        if unnamed and not self._warned:
            self._warned = True
            warnings.warn(
                f"layout: prompts that name no object of the model ({unnamed[0][:60]!r}) get null; list what counts by "
                "`objects`, or take a model that is told by text.",
                stacklevel=3,
            )
