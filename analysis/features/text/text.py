"""Printed and scribbled text: where it stands in a picture, or in the part of it that was drawn anew, and what it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from PIL import Image

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature, FeatureError, Measurer, check_pictures
from seedscope.analysis.features.text.craft import Craft, Thresholds
from seedscope.analysis.features.text.ocr import OcrModel, Word, read
from seedscope.analysis.features.text.text_labels import TextLabels, text_labels
from seedscope.analysis.features.text.text_regions import Mask, Pixels, Region, TextDetector
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.study.given import at_home
from seedscope.pipeline.tables.columns import column

VERSION = 2
CRAFT = "craft"
INSIDE = 0.5  # share of a word's pixels that lies in the mask where the word counts
_FIELDS = [
    column("text", pa.bool_(), "Whether there is a word, of an inpainted picture in its mask."),
    column("text_share", pa.float32(), "Part that the words cover.", unit="share of the picture, or of the mask"),
    column(
        "text_words", pa.list_(pa.string()), "What the words say, as far as EasyOCR can tell; empty for a scribble."
    ),
    column("text_confidences", pa.list_(pa.float32()), "EasyOCR's confidence in each word.", unit="0..1"),
    column(
        "text_polygons",
        pa.list_(pa.list_(pa.float32(), 8)),
        "The corners of each word: x and y, four times.",
        unit="shares of width and height",
    ),
]


class Text(Feature):
    """Five columns; null where a mask is empty.

    | column | what |
    | --- | --- |
    | `text` | bool: there is a word |
    | `text_share` | share of the picture that the words cover together, 0..1 |
    | `text_words` | what the words say, as far as EasyOCR can tell; an empty text is a scribble |
    | `text_confidences` | EasyOCR's confidence in each, 0..1 |
    | `text_polygons` | their corners: x and y, four times, as shares of the width and height, 0..1 |

    Of an inpainted picture, the words count of which at least half lies in the mask, and the share is one of the mask.

    `detector` says what finds words; EasyOCR reads them.

    - `craft`: EasyOCR's own, for letters. A word covers the pixels whose centre lies in its polygon.
    - a semantic segmentation model with a label for text (`text_labels.text_labels`): a bundled name, a folder or a hub
      id, with its `detector_revision`. A word is connected pixels of that label (`text_labels.TextLabels`), and covers them.

    CRAFT needs no training on a kind of picture: it is the one for photographs, and for models that write legibly. Smeared
    letters it does not see; take a model that has learned text in pictures of the kind. Precision and recall of `text` by
    `benchmarks/text.py --quality`, at 64 x 64:

    | pictures | `craft` | `sprout-layout/segmentation` |
    | --- | --- | --- |
    | held-out renders | 0.971, 0.995 | 1.000, 0.995 |
    | of sprout-turbo, 1 step | 0.795, 0.344 | 0.978, 0.989 |
    | of sprout, 20 steps | 0.933, 0.575 | 1.000, 0.995 |

    `text_share` differs, too: of renders with a word, CRAFT's boxes are 0.06 of the picture above the word's own box, and
    the pixels of the label, which are letters with their outline, 0.04 below.

    Options:
        weights: a folder of EasyOCR's model files instead of the English ones, which ship as a package.
        languages: EasyOCR's codes, separated by commas.
        shorter_side, canvas_size: a picture whose shorter side is below `shorter_side` is enlarged to it (bicubic) for
            EasyOCR; one whose longer side is above `canvas_size` is not, and is shrunk for CRAFT.
        text_threshold, low_text, link_threshold: CRAFT's, as EasyOCR has them.
        confidence: below which a word is left out. Of the scribbles that CRAFT finds on sprout-turbo's pictures, 0.1 would
            keep 9 of 13.
        smallest_share: of the picture, below which a word is left out; by default 0 for CRAFT, 0.01 for a model.
        half: CRAFT computes in bfloat16, else in float32.

    Source: Baek et al. (2019), CVPR, arXiv 1904.01941 (CRAFT); Shi et al. (2015), arXiv 1507.05717 (CRNN); EasyOCR 1.7
    `readtext`. Deviation: its networks are not quantised, and grey comes from RGB (EasyOCR takes arrays for BGR there).
    """

    name: ClassVar[str] = "text"
    needs_control: ClassVar[bool] = True

    def __init__(
        self,
        detector: str = CRAFT,
        detector_revision: str | None = None,
        weights: str | Path | None = None,
        languages: str = "en",
        shorter_side: int = 128,
        canvas_size: int = 2560,
        text_threshold: float = 0.7,
        low_text: float = 0.4,
        link_threshold: float = 0.4,
        confidence: float = 0.0,
        smallest_share: float | None = None,
        half: bool = True,
    ) -> None:
        smallest = smallest_share if smallest_share is not None else 0.0 if detector == CRAFT else 0.01
        shares = {
            "text_threshold": text_threshold,
            "low_text": low_text,
            "link_threshold": link_threshold,
            "confidence": confidence,
            "smallest_share": smallest,
        }
        for option, value in shares.items():
            if not 0 <= value <= 1:
                raise FeatureError(f"text.{option} is {value}; a number from 0 to 1 is needed.")
        if not 32 <= shorter_side <= canvas_size:
            raise FeatureError(f"text.shorter_side is {shorter_side}; 32 to canvas_size ({canvas_size}) is possible.")
        if detector == CRAFT and detector_revision is not None:
            raise FeatureError("text.detector_revision: only a hub id has revisions, and detector is craft; remove it.")
        self._labelled = None if detector == CRAFT else Pretrained(self.name, detector, detector_revision, "detector")
        codes = tuple(code.strip() for code in languages.split(","))
        self._model = OcrModel(codes, None if weights is None else at_home(weights))
        self._sides = (shorter_side, canvas_size)
        self._thresholds = Thresholds(text_threshold, low_text, link_threshold)
        self._counting, self._half = Counting(confidence, smallest), half

    def fields(self) -> list[pa.Field]:
        return list(_FIELDS)

    def scalars(self) -> Mapping[str, Better | None]:
        return {"text": "lower", "text_share": "lower"}

    def fingerprint(self) -> str:
        facts: dict[str, Any] = {
            "version": VERSION,
            "models": self._model.digests(detector=self._labelled is None),
            "languages": self._model.languages,
            "sides": self._sides,
            "words": [self._counting.confidence, self._counting.smallest_share],
        }
        if self._labelled is None:
            facts["thresholds"] = [self._thresholds.text, self._thresholds.low_text, self._thresholds.link]
            facts["half"] = self._half
        else:
            facts["labels"] = [self._labelled.identity(), text_labels(self._labelled)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: str) -> TextMeasurer:
        self._model.digests(detector=self._labelled is None)
        detector: TextDetector
        if self._labelled is not None:
            detector, reader = TextLabels(self._labelled, device), self._model.load(device)
        else:
            reader = self._model.load(device)
            detector = Craft(reader, self._model.craft(), self._thresholds, self._sides[1], self._half)
        return TextMeasurer(detector, reader, self._sides, self._counting)


@dataclass(frozen=True)
class TextMeasurer(Measurer):
    """What finds words and EasyOCR's reader, on a device. sides: those of pictures that are read, see `_enlarged`."""

    detector: TextDetector
    reader: Any
    sides: tuple[int, int]
    counting: Counting

    def compute(self, pixels: Pixels, prompts: Sequence[str]) -> dict[str, pa.Array]:
        masks = np.ones(pixels.shape[:3], np.bool_)
        return self.compute_inside(pixels, prompts, masks)

    def compute_inside(self, pixels: Pixels, prompts: Sequence[str], masks: Mask) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        if masks.dtype != np.bool_ or masks.shape != pixels.shape[:3]:
            raise ValueError(f"masks are {masks.dtype} {masks.shape}; bool {pixels.shape[:3]} is needed")
        enlarged = [_enlarged(picture, *self.sides) for picture in pixels]
        found = [
            [region for region in of_picture if self.counting.counts(region.plane, mask)]
            for of_picture, mask in zip(self.detector.find(pixels, enlarged), masks, strict=True)
        ]
        words = read(self.reader, enlarged, [[region.box for region in of_picture] for of_picture in found])
        rows = [self.counting.row(*one) for one in zip(found, words, masks, strict=True)]
        return {item.name: pa.array([row[i] for row in rows], item.type) for i, item in enumerate(_FIELDS)}


@dataclass(frozen=True)
class Counting:
    """Which words count: those with at least that confidence and that share of the picture, which lie in the mask."""

    confidence: float
    smallest_share: float

    def counts(self, plane: Mask, mask: Mask) -> bool:
        """Whether a word that takes `plane` is large enough and lies in the mask."""
        return bool(plane.any() and plane.mean() >= self.smallest_share and plane[mask].sum() >= INSIDE * plane.sum())

    def row(self, regions: list[Region], words: list[Word], mask: Mask) -> tuple[Any, ...]:
        """The values of the columns by the words that count; from the top down."""
        if not mask.any():
            return (None,) * len(_FIELDS)
        pairs = zip(regions, words, strict=True)
        kept = sorted((one for one in pairs if one[1][1] >= self.confidence), key=lambda one: _upper_left(one[0]))
        share = np.any([region.plane for region, _ in kept], axis=0)[mask].mean() if kept else 0.0
        texts, confidences = [text for _, (text, _) in kept], [confidence for _, (_, confidence) in kept]
        return bool(kept), share, texts, confidences, [region.polygon.ravel() for region, _ in kept]


def _upper_left(region: Region) -> tuple[float, float]:
    return region.polygon[:, 1].min(), region.polygon[:, 0].min()


def _enlarged(picture: Pixels, shorter_side: int, canvas_size: int) -> Pixels:
    """The picture with a shorter side of at least `shorter_side`, unless the longer one were above `canvas_size`."""
    height, width = picture.shape[:2]
    scale = min(shorter_side / min(height, width), canvas_size / max(height, width))
    if scale <= 1:
        return picture
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
