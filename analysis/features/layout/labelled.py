"""Object masks by models with labels of their own: semantic and universal segmentation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seedscope.analysis.features.layout.object_choice import LabelChoice
from seedscope.analysis.features.layout.segmenter import Found, Segmenter
from seedscope.pipeline.networks.picture_model import PictureModel, tokenizer
from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch


class Labelled(Segmenter[tuple[int, ...]]):
    """A model with labels of its own: the mask is the pixels whose best label is one of those that are wanted.

    The confidence is the mean, over the mask, of what the wanted labels have together: see `sureness`. Where several labels
    are wanted, the object is called by the commonest one in the mask.
    """

    def __init__(self, model: PictureModel, choice: LabelChoice) -> None:
        self._model, self._choice = model, choice

    @abstractmethod
    def scores(self, outputs: Any, size: tuple[int, int]) -> Iterator[torch.Tensor]:
        """Scores (H, W, labels) float32 of each picture, of which a pixel's best label has the largest."""

    @abstractmethod
    def sureness(self, scores: torch.Tensor, wanted: tuple[int, ...]) -> torch.Tensor:
        """(pixels,) in 0..1: how sure it is, by scores (pixels, labels), that a pixel has one of the wanted labels."""

    def inputs(self, images: torch.Tensor) -> dict[str, Any]:
        """What the network is given."""
        return self._model.prepared(images)

    def to(self, device: str, half: bool) -> None:
        self._model.to(device, half)

    def wanted(self, prompt: str) -> tuple[int, ...] | None:
        return self._choice.wanted(prompt)

    def find(self, images: torch.Tensor, wanted: Sequence[tuple[int, ...]]) -> list[Found | None]:
        outputs = self._model.run(**self.inputs(images))
        scores = self.scores(outputs, (images.shape[2], images.shape[3]))
        return [self._found(of_picture, ids) for of_picture, ids in zip(scores, wanted, strict=True)]

    def _found(self, scores: torch.Tensor, wanted: tuple[int, ...]) -> Found | None:
        labels = scores.argmax(dim=2).cpu().numpy()
        mask = np.isin(labels, wanted)
        if not mask.any():
            return None
        rows, columns = np.nonzero(mask)
        sureness = self.sureness(scores[rows, columns], wanted)
        commonest = int(np.bincount(labels[mask]).argmax())
        return Found(self._choice.called(commonest), mask, float(sureness.double().mean()))


class Semantic(Labelled):
    """Semantic segmentation, which labels pixels: sure of a label is its probability.

    Logits are enlarged (bilinear), as transformers' processors for these models do.
    """

    def scores(self, outputs: Any, size: tuple[int, int]) -> Iterator[torch.Tensor]:
        for logits in outputs.logits:
            yield _enlarged(logits, size)

    def sureness(self, scores: torch.Tensor, wanted: tuple[int, ...]) -> torch.Tensor:
        return scores.softmax(dim=1) @ _chosen(scores, wanted)


class Universal(Labelled):
    """Universal segmentation, which labels masks: a score is how much of a pixel the queries give to a label, 1 if all.

    Source: Cheng et al. (2021), arXiv 2107.06278, section 3.4, "semantic inference", with mask logits enlarged first as
    in the published code. Deviation: straight to the picture's size; transformers goes by 384 x 384 (Mask2Former) or
    enlarges the scores (MaskFormer, OneFormer).
    """

    def scores(self, outputs: Any, size: tuple[int, int]) -> Iterator[torch.Tensor]:
        for classes, masks in zip(outputs.class_queries_logits, outputs.masks_queries_logits, strict=True):
            of_query = classes.float().softmax(dim=1)[:, :-1]  # the last one is "no object"
            yield _enlarged(masks, size).sigmoid() @ of_query

    def sureness(self, scores: torch.Tensor, wanted: tuple[int, ...]) -> torch.Tensor:
        return (scores @ _chosen(scores, wanted)).clamp(max=1)


class OneFormer(Universal):
    """OneFormer, which is given its task in words.

    Source: Jain et al. (2022), arXiv 2211.06220, section 3.1: "the task is semantic".
    """

    def __init__(self, model: Pretrained, choice: LabelChoice) -> None:
        from transformers import AutoModelForUniversalSegmentation

        # The list of classes, which the processor would download, serves its panoptic answers alone.
        super().__init__(PictureModel(model, AutoModelForUniversalSegmentation, class_info_file=None), choice)
        length = self._model.network.config.task_seq_len
        tokens = tokenizer(model)(
            ["the task is semantic"], padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        self._task = tokens.input_ids * tokens.attention_mask

    def inputs(self, images: torch.Tensor) -> dict[str, Any]:
        pictures = self._model.prepared(images, task_inputs=["semantic"] * len(images))["pixel_values"]
        return {"pixel_values": pictures, "task_inputs": self._task.to(images.device).expand(len(images), -1)}


def _chosen(scores: torch.Tensor, wanted: tuple[int, ...]) -> torch.Tensor:
    """(labels,): 1 for those that are wanted, 0 for the others; to sum by, faster than picking them out."""
    chosen = scores.new_zeros(scores.shape[1])
    chosen[list(wanted)] = 1
    return chosen


def _enlarged(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(C, h, w) to (H, W, C) float32: the values of a pixel side by side, which is what is computed with."""
    import torch
    from torch.nn.functional import interpolate

    pixelwise = maps[None].float().contiguous(memory_format=torch.channels_last)
    return interpolate(pixelwise, size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
