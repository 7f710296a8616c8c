"""Judge sprout-layout on held-out renders: are masks, centroids, sizes and depth those of the rendered truth?

Both models are loaded and read by stock classes alone. A mask is the pixels that are labelled with the object's own
word; where there are none, its centroid counts as the middle of the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from PIL import Image, ImageDraw

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import soften

# transformers is typed only in part: its classes are taken as untyped here.
AutoImageProcessor: Any = transformers.AutoImageProcessor
AutoModelForDepthEstimation: Any = transformers.AutoModelForDepthEstimation
AutoModelForSemanticSegmentation: Any = transformers.AutoModelForSemanticSegmentation

FIRST_HELD_OUT = world.REFERENCE_SEEDS + (4 << 20)
SCENES = 1024
BATCH = 64
BLUR = 1.0  # pixels
A_FEW = 0.01  # share of a picture: fewer pixels than these are not an object seen
COLUMNS = 4
OUTLINE, CENTRE = (255, 0, 255), (0, 255, 255)

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Models:
    """The two models with what prepares their inputs and reads their outputs."""

    segmenter: Any
    segmenter_processor: Any
    depth: Any
    depth_processor: Any

    @classmethod
    def load(cls, folder: Path) -> "Models":
        """Read both from sprout-layout's folder."""
        segmentation, depth = folder / "segmentation", folder / "depth"
        return cls(
            AutoModelForSemanticSegmentation.from_pretrained(segmentation).eval(),
            AutoImageProcessor.from_pretrained(segmentation),
            AutoModelForDepthEstimation.from_pretrained(depth).eval(),
            AutoImageProcessor.from_pretrained(depth),
        )

    @property
    def objects(self) -> dict[str, int]:
        """The label of each object word."""
        return {name: self.segmenter.config.label2id[name] for name in world.OBJECTS}

    @torch.inference_mode()
    def labels(self, pictures: Sequence[world.Pixels]) -> Labels:
        """int64 [n, 64, 64]: what is seen at each pixel of uint8 [64, 64, 3] pictures."""
        labels = []
        for start in range(0, len(pictures), BATCH):
            part = list(pictures[start : start + BATCH])
            seen = self.segmenter(**self.segmenter_processor(part, return_tensors="pt"))
            sizes = [picture.shape[:2] for picture in part]
            labels += self.segmenter_processor.post_process_semantic_segmentation(seen, target_sizes=sizes)
        return torch.stack(labels).numpy()

    @torch.inference_mode()
    def nearness(self, pictures: Sequence[world.Pixels]) -> world.Plane:
        """float32 [n, 64, 64], about 0..1, of uint8 [64, 64, 3] pictures; the larger the nearer."""
        depths = []
        for start in range(0, len(pictures), BATCH):
            part = list(pictures[start : start + BATCH])
            seen = self.depth(**self.depth_processor(part, return_tensors="pt"))
            sizes = [picture.shape[:2] for picture in part]
            depths += self.depth_processor.post_process_depth_estimation(seen, target_sizes=sizes)
        return np.stack([depth["predicted_depth"].numpy() for depth in depths])


def figures(folder: Path) -> dict[str, float]:
    """Means over held-out renders; lengths are shares of the width, sizes of the picture, nearness in 0..1."""
    models, seeds = Models.load(folder), range(FIRST_HELD_OUT, FIRST_HELD_OUT + SCENES)
    scenes = [world.render(seed) for seed in seeds]
    pictures = [scene.pixels for scene in scenes]
    soft = [_softened(picture) for picture in pictures]
    empty = models.labels([world.render(seed, empty=True).pixels for seed in seeds])
    seen_in_empty = np.isin(empty, list(models.objects.values())).mean((1, 2)) > A_FEW
    blurred = {f"{name}, blurred": value for name, value in mask_figures(models, soft, scenes).items()}
    return {
        **mask_figures(models, pictures, scenes),
        **blurred,
        "an object seen where there is none": float(seen_in_empty.mean()),
        **depth_figures(models.nearness(pictures), scenes),
    }


def mask_figures(models: Models, pictures: Sequence[world.Pixels], scenes: Sequence[world.Scene]) -> dict[str, float]:
    """How far masks, centroids and sizes in `pictures` are from those of the scenes that they show."""
    labels = models.labels(pictures)
    right = [of == models.objects[str(scene.object)] for of, scene in zip(labels, scenes, strict=True)]
    some = np.isin(labels, list(models.objects.values()))
    pairs = list(zip(right, scenes, strict=True))
    return {
        "IoU": float(np.mean([overlap(mask, scene.mask) for mask, scene in pairs])),
        "IoU, any object word": float(
            np.mean([overlap(mask, scene.mask) for mask, scene in zip(some, scenes, strict=True)])
        ),
        "centroid error": float(np.mean([np.hypot(*(centroid(m) - np.array(s.centroid))) for m, s in pairs])),
        "size error": float(np.mean([abs(mask.mean() - scene.size) for mask, scene in pairs])),
    }


def overlap(mask: world.Mask, truth: world.Mask) -> float:
    """Intersection over union of two bool [h, w] masks of which one at least is not empty."""
    return float((mask & truth).sum() / (mask | truth).sum())


def centroid(mask: world.Mask) -> npt.NDArray[np.float64]:
    """(x, y) of a bool [n, n] mask's centre of mass, in 0..1; the middle where it is empty."""
    rows, columns = np.nonzero(mask)
    return (np.array([columns.mean(), rows.mean()]) + 0.5) / len(mask) if len(rows) else np.array([0.5, 0.5])


def depth_figures(nearness: world.Plane, scenes: Sequence[world.Scene]) -> dict[str, float]:
    """Mean absolute error of nearness, and in what share of scenes the medians of what is seen are in the right order.

    An object must be nearer than the background and a word nearer than the object; the second share is of scenes with
    a word.
    """
    errors = [np.abs(plane - scene.nearness).mean() for plane, scene in zip(nearness, scenes, strict=True)]
    medians = [_medians(plane, scene) for plane, scene in zip(nearness, scenes, strict=True)]
    words = [(of_object, of_word) for _, of_object, of_word in medians if of_word is not None]
    return {
        "nearness error": float(np.mean(errors)),
        "object nearer than background": float(np.mean([near > far for far, near, _ in medians])),
        "word nearer than object": float(np.mean([near > far for far, near in words])),
    }


def _medians(nearness: world.Plane, scene: world.Scene) -> tuple[float, float, float | None]:
    """Of the background, the object and the word, if there is one."""
    background, of_object = (float(np.median(nearness[scene.layers == of])) for of in (world.BACKGROUND, world.OBJECT))
    return background, of_object, None if scene.word is None else float(np.median(nearness[scene.layers == world.WORD]))


def _softened(picture: world.Pixels) -> world.Pixels:
    soft = soften(to_tensor([picture]), BLUR)[0].permute(1, 2, 0).numpy()
    return ((soft + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def sheet(folder: Path, out: Path, pictures: Sequence[world.Pixels], zoom: int = 2) -> None:
    """Write a PNG: each picture, the object found in it (outline, box, centroid, word), and its depth, light is near."""
    models = Models.load(folder)
    words = {label: name for name, label in models.objects.items()}
    panels = [
        np.concatenate([_enlarged(picture, zoom), _drawn_in(picture, found, words, zoom), _as_grey(depth, zoom)], 1)
        for picture, found, depth in zip(pictures, models.labels(pictures), models.nearness(pictures), strict=True)
    ]
    panels += [np.zeros_like(panels[0])] * (-len(panels) % COLUMNS)
    rows = [np.concatenate(panels[i : i + COLUMNS], axis=1) for i in range(0, len(panels), COLUMNS)]
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(out)


def _enlarged(plane: npt.NDArray[Any], zoom: int) -> npt.NDArray[Any]:
    return plane.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _as_grey(nearness: world.Plane, zoom: int) -> world.Pixels:
    grey = (255 * nearness.clip(0, 1)).round().astype(np.uint8)
    return _enlarged(np.repeat(grey[..., None], 3, axis=2), zoom)


def _drawn_in(picture: world.Pixels, labels: Labels, words: dict[int, str], zoom: int) -> world.Pixels:
    """The enlarged picture with what is labelled with any object's word, if there is any, and the commonest word.

    An unclear shape may be split between words: together they are the object.
    """
    mask = _enlarged(np.isin(labels, list(words)), zoom)
    if not mask.any():
        return _enlarged(picture, zoom)
    word = max(words, key=lambda label: int((labels == label).sum()))
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    image = Image.fromarray(
        np.where((mask & ~inner)[..., None], np.array(OUTLINE, dtype=np.uint8), _enlarged(picture, zoom))
    )
    rows, columns = np.nonzero(mask)
    draw = ImageDraw.Draw(image)
    draw.rectangle((columns.min(), rows.min(), columns.max(), rows.max()), outline=(255, 255, 0))
    x, y = centroid(mask) * len(mask)
    draw.line((x - 4, y, x + 4, y), fill=CENTRE)
    draw.line((x, y - 4, x, y + 4), fill=CENTRE)
    draw.text((2, 1), words[word], fill=(255, 255, 255), stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(image)
