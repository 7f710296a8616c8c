"""Printed and scribbled text: what EasyOCR finds in a picture, or in the part of it that was drawn anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from seedscope.analysis.features.base import Better, Feature, FeatureError, check_pictures
from seedscope.analysis.features.ocr import OcrModel, Pixels, Thresholds, Word, words

VERSION = 1
INSIDE = 0.5  # share of a word's polygon that lies in the mask where the word counts
_FIELDS = [
    pa.field("text", pa.bool_()),
    pa.field("text_share", pa.float32()),
    pa.field("text_words", pa.list_(pa.string())),
    pa.field("text_confidences", pa.list_(pa.float32())),
    pa.field("text_polygons", pa.list_(pa.list_(pa.float32(), 8))),
]
Mask = npt.NDArray[np.bool_]


class Text(Feature):
    """Five columns; null where a mask is empty.

    | column | what |
    | --- | --- |
    | `text` | bool: there is a word |
    | `text_share` | share of the picture that the words' polygons cover together, 0..1: pixels whose centre lies in one |
    | `text_words` | what the words say, as far as EasyOCR can tell; an empty text is a scribble |
    | `text_confidences` | EasyOCR's confidence in each, 0..1 |
    | `text_polygons` | their corners: x and y, four times, as shares of the width and height, 0..1 |

    Of an inpainted picture, the words count of whose polygon at least half lies in the mask, and the share is one of the
    mask.

    A word is what the detector (CRAFT) finds: what diffusion models write can often not be read. Of the scribbles that it
    finds on sprout-turbo's pictures, a `confidence` of 0.1 would keep 9 of 13.

    `weights`: a folder of EasyOCR's model files instead of the English ones, which ship as a package; `languages`: its
    codes, separated by commas. A picture whose shorter side is below `shorter_side` is enlarged to it (bicubic); one whose
    longer side is above `canvas_size` is shrunk for the detector. `smallest_share`: of the picture, below which a word is
    left out. `half`: CRAFT computes in bfloat16, else in float32.

    Source: Baek et al. (2019), CVPR, arXiv 1904.01941 (CRAFT); Shi et al. (2015), arXiv 1507.05717 (CRNN); EasyOCR 1.7
    `readtext`. Deviation: its networks are not quantised, and grey comes from RGB (EasyOCR takes arrays for BGR there).
    """

    name: ClassVar[str] = "text"
    needs_control: ClassVar[bool] = True

    def __init__(
        self,
        weights: str | Path | None = None,
        languages: str = "en",
        shorter_side: int = 128,
        canvas_size: int = 2560,
        text_threshold: float = 0.7,
        low_text: float = 0.4,
        link_threshold: float = 0.4,
        confidence: float = 0.0,
        smallest_share: float = 0.0,
        half: bool = True,
    ) -> None:
        shares = {
            "text_threshold": text_threshold,
            "low_text": low_text,
            "link_threshold": link_threshold,
            "confidence": confidence,
            "smallest_share": smallest_share,
        }
        for option, value in shares.items():
            if not 0 <= value <= 1:
                raise FeatureError(f"text.{option} is {value}; a number from 0 to 1 is needed.")
        if not 32 <= shorter_side <= canvas_size:
            raise FeatureError(f"text.shorter_side is {shorter_side}; 32 to canvas_size ({canvas_size}) is possible.")
        codes = tuple(code.strip() for code in languages.split(","))
        self._model = OcrModel(codes, None if weights is None else Path(weights).expanduser())
        self._sides = (shorter_side, canvas_size)
        self._thresholds = Thresholds(text_threshold, low_text, link_threshold)
        self._confidence, self._smallest_share, self._half = confidence, smallest_share, half
        self._reader: Any = None
        self._device = ""

    def fields(self) -> list[pa.Field]:
        return list(_FIELDS)

    def scalars(self) -> Mapping[str, Better | None]:
        return {"text": "lower", "text_share": "lower"}

    def fingerprint(self) -> str:
        facts = {
            "version": VERSION,
            "models": self._model.digests(),
            "languages": self._model.languages,
            "sides": self._sides,
            "thresholds": [self._thresholds.text, self._thresholds.low_text, self._thresholds.link],
            "words": [self._confidence, self._smallest_share],
            "half": self._half,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> None:
        if self._device != device:
            self._reader, self._device = self._model.load(device, self._half), device

    def compute(self, pixels: Pixels, prompts: Sequence[str]) -> dict[str, pa.Array]:
        masks = np.ones(pixels.shape[:3], np.bool_)
        return self.compute_inpainted(pixels, prompts, masks)

    def compute_inpainted(self, pixels: Pixels, prompts: Sequence[str], masks: Mask) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        if masks.dtype != np.bool_ or masks.shape != pixels.shape[:3]:
            raise ValueError(f"masks are {masks.dtype} {masks.shape}; bool {pixels.shape[:3]} is needed")
        if self._reader is None:
            raise RuntimeError("text: load(device) comes before compute(...)")
        enlarged = [_enlarged(picture, *self._sides) for picture in pixels]
        found = words(self._reader, enlarged, self._thresholds, self._sides[1])
        rows = [self._row(*one) for one in zip(found, enlarged, masks, strict=True)]
        return {item.name: pa.array([row[i] for row in rows], item.type) for i, item in enumerate(_FIELDS)}

    def _row(self, found: list[Word], enlarged: Pixels, mask: Mask) -> tuple[Any, ...]:
        """The values of the columns."""
        if not mask.any():
            return (None,) * len(_FIELDS)
        height, width = enlarged.shape[:2]
        sure = [word for word in found if word[2] >= self._confidence]
        polygons = [np.clip(corners / (width, height), 0, 1) for corners, _, _ in sure]
        planes = [covered(polygon, mask.shape) for polygon in polygons]
        kept = [i for i, plane in enumerate(planes) if self._counts(plane, mask)]
        share = np.any([planes[i] for i in kept], axis=0)[mask].mean() if kept else 0.0
        texts, confidences = [sure[i][1] for i in kept], [sure[i][2] for i in kept]
        return bool(kept), share, texts, confidences, [polygons[i].ravel() for i in kept]

    def _counts(self, plane: Mask, mask: Mask) -> bool:
        """Whether a word that covers `plane` is large enough and lies in the mask."""
        return bool(plane.any() and plane.mean() >= self._smallest_share and plane[mask].sum() >= INSIDE * plane.sum())


def covered(polygon: npt.NDArray[np.floating[Any]], shape: tuple[int, ...]) -> Mask:
    """bool (H, W) = `shape`: pixels whose centre lies in a polygon (4, 2) of x and y in 0..1."""
    import shapely

    rows, columns = ((np.arange(length) + 0.5) / length for length in shape)
    area = shapely.Polygon(polygon)
    shapely.prepare(area)
    inside: Mask = shapely.contains_xy(area, *np.meshgrid(columns, rows))
    return inside


def _enlarged(picture: Pixels, shorter_side: int, canvas_size: int) -> Pixels:
    """The picture with a shorter side of at least `shorter_side`, unless the longer one were above `canvas_size`."""
    height, width = picture.shape[:2]
    scale = min(shorter_side / min(height, width), canvas_size / max(height, width))
    if scale <= 1:
        return picture
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
