"""An image classifier of transformers: its labels, and the probability of one of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seedscope.pipeline.networks.picture_model import PictureModel
from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch


def label_of(classifier: Pretrained, wanted: str) -> tuple[int, str]:
    """The number of a class and its whole label, by that label, one of the names in it (`tabby, tabby cat`), or its number.

    Raises:
        FeatureError: the model's config.json has no labels, or none of this name.
    """
    found = classifier.config().get("id2label")
    if not isinstance(found, Mapping) or not found:
        raise classifier.error(f"{classifier.folder()} has no classes (`id2label` in config.json)")
    labels = {int(number): str(label) for number, label in found.items()}
    names = {name.strip().casefold(): number for number, label in labels.items() for name in label.split(",")}
    names |= {label.casefold(): number for number, label in labels.items()}
    number = names.get(wanted.strip().casefold())
    if number is None and wanted.isdecimal() and int(wanted) in labels:
        number = int(wanted)
    if number is None:
        near = difflib.get_close_matches(wanted.casefold(), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it knows {len(labels)}, such as {labels[min(labels)]!r}"
        raise classifier.error(f"{classifier.model} knows no class {wanted!r}; {hint}")
    return number, labels[number]


class Classifier:
    """A classifier with its weights and its own preprocessing, which may look at the middle of pictures alone (DeiT).

    Raises FeatureError where weights or preprocessing are missing or wrong.
    """

    def __init__(self, model: Pretrained, device: str) -> None:
        from transformers import AutoModelForImageClassification

        self._model = PictureModel(model, AutoModelForImageClassification, crop=True)
        self._model.to(device, half=False)

    def log_probability(self, pictures: torch.Tensor, number: int) -> torch.Tensor:
        """(B,) of a class, of pictures (B, 3, H, W), 0 .. 255, which may ask for gradients."""
        logits: torch.Tensor = self._model.run(**self._model.prepared(pictures)).logits
        return logits.log_softmax(dim=1)[:, number]
