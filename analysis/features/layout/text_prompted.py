"""Object masks by models that are told in words what to look for: CLIPSeg, and Grounding DINO with SAM."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seedscope.analysis.features.layout.mask_geometry import Mask
from seedscope.analysis.features.layout.object_choice import PhraseChoice
from seedscope.analysis.features.layout.segmenter import Found, Segmenter
from seedscope.pipeline.networks.picture_model import PictureModel, tokenizer
from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch


class ClipSeg(Segmenter[str]):
    """CLIPSeg: the mask is the pixels whose probability reaches the threshold, the confidence its mean over them.

    A phrase is encoded once and remembered.

    Source: Lüddecke and Ecker (2022), arXiv 2112.10003, section 3.
    """

    def __init__(self, model: Pretrained, choice: PhraseChoice, threshold: float) -> None:
        from transformers import CLIPSegForImageSegmentation

        self._model = PictureModel(model, CLIPSegForImageSegmentation)
        self._choice, self._threshold = choice, threshold
        self._tokenizer = tokenizer(model)
        self._length = self._model.network.config.text_config.max_position_embeddings
        self._phrases: dict[str, torch.Tensor] = {}

    def to(self, device: str, half: bool) -> None:
        self._model.to(device, half)
        self._phrases.clear()

    def wanted(self, prompt: str) -> str | None:
        return self._choice.wanted(prompt)

    def find(self, images: torch.Tensor, wanted: Sequence[str]) -> list[Found | None]:
        import torch
        from torch.nn.functional import interpolate

        phrases = torch.stack([self._encoded(phrase) for phrase in wanted])
        logits = self._model.run(**self._model.prepared(images), conditional_embeddings=phrases).logits
        maps = logits.float().reshape(len(images), 1, *logits.shape[-2:])
        probabilities = interpolate(maps, images.shape[2:], mode="bilinear")[:, 0].sigmoid().cpu().numpy()
        return [self._found(of_picture, phrase) for of_picture, phrase in zip(probabilities, wanted, strict=True)]

    def _found(self, probabilities: npt.NDArray[np.float32], phrase: str) -> Found | None:
        mask = probabilities >= self._threshold
        return Found(phrase, mask, float(probabilities[mask].mean(dtype=np.float64))) if mask.any() else None

    def _encoded(self, phrase: str) -> torch.Tensor:
        if phrase not in self._phrases:
            text = _tokens(self._tokenizer, [phrase], self._length).to(self._model.device)
            encoded = self._model.network.get_conditional_embeddings(
                batch_size=1, input_ids=text.input_ids, attention_mask=text.attention_mask
            )
            self._phrases[phrase] = encoded[0].float()
        return self._phrases[phrase]


class GroundedSam(Segmenter[str]):
    """Grounding DINO finds the box that suits the phrase best, SAM the object in it; the confidence is the box's score.

    A box counts if its score reaches the threshold. One box a picture: the object is one thing, and a weak second box
    would move its centroid. Both run in float32 on every device.

    Source: Liu et al. (2023), arXiv 2303.05499, section 3; Kirillov et al. (2023), arXiv 2304.02643, section 3; together,
    Ren et al. (2024), arXiv 2401.14159. Deviation: the best box alone.
    """

    def __init__(self, model: Pretrained, sam: Pretrained, choice: PhraseChoice, threshold: float) -> None:
        from transformers import AutoModelForZeroShotObjectDetection, SamModel

        self._model = PictureModel(model, AutoModelForZeroShotObjectDetection)
        self._choice, self._threshold = choice, threshold
        self._tokenizer = tokenizer(model)
        self._length = self._model.network.config.max_text_len
        sam.config("sam")
        self._sam = PictureModel(sam, SamModel)

    def to(self, device: str, half: bool) -> None:  # noqa: ARG002  (see the class)
        self._model.to(device, half=False)
        self._sam.to(device, half=False)

    def wanted(self, prompt: str) -> str | None:
        return self._choice.wanted(prompt)

    def find(self, images: torch.Tensor, wanted: Sequence[str]) -> list[Found | None]:
        boxes, scores = self._boxes(images, wanted)
        kept = [row for row, score in enumerate(scores) if score >= self._threshold]
        found: list[Found | None] = [None] * len(images)
        if kept:
            for row, mask in zip(kept, self._masks(images[kept], boxes[kept]), strict=True):
                found[row] = Found(wanted[row], mask, scores[row]) if mask.any() else None
        return found

    def _boxes(self, images: torch.Tensor, wanted: Sequence[str]) -> tuple[torch.Tensor, list[float]]:
        """The best box of each picture, (N, 4) as left, top, right, bottom in 0..1, and its score."""
        import torch

        # Phrases are lower-case and end with a dot, as the model was trained.
        texts = [f"{phrase.lower().rstrip('. ')}." for phrase in wanted]
        text = _tokens(self._tokenizer, texts, self._length).to(images.device)
        outputs = self._model.run(**self._model.prepared(images), **text)
        scores, best = outputs.logits.sigmoid().amax(dim=2).max(dim=1)
        x, y, width, height = outputs.pred_boxes[torch.arange(len(images), device=best.device), best].unbind(dim=1)
        corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=1)
        return corners.clamp(0, 1), scores.tolist()

    def _masks(self, images: torch.Tensor, boxes: torch.Tensor) -> list[Mask]:
        """The mask, bool (H, W), of what stands in the box of each picture."""
        inputs = self._sam.prepared(images)
        heights_widths = inputs["reshaped_input_sizes"]  # without the padding
        scale = heights_widths.flip(1).repeat(1, 2)  # width, height, width, height
        outputs = self._sam.run(
            pixel_values=inputs["pixel_values"], input_boxes=(boxes * scale)[:, None], multimask_output=False
        )
        masks = self._sam.processor.post_process_masks(
            outputs.pred_masks, inputs["original_sizes"].tolist(), heights_widths.tolist()
        )
        return [mask[0, 0].cpu().numpy() for mask in masks]


def _tokens(tokenizer: Any, texts: list[str], length: int) -> Any:
    """Tokens of texts, padded to the longest; longer ones than `length` are cut, with a warning."""
    if any(len(ids) > length for ids in tokenizer(texts, verbose=False).input_ids):
        warnings.warn(
            f"layout: prompts are cut to the {length} tokens that the model takes; list the objects by name instead.",
            stacklevel=2,
        )
    return tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt")
