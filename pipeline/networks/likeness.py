"""How like a picture is to something given: a text or a picture, a style, a class. Differentiable; one kind is one class."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedscope.pipeline.errors import FeatureError
from seedscope.pipeline.images import ImageError, Pixels, decode
from seedscope.pipeline.networks.classifier import Classifier, label_of
from seedscope.pipeline.networks.clip_models import TransformersClip
from seedscope.pipeline.networks.gram import gram, triangle
from seedscope.pipeline.networks.lite0 import LITE0_INPUT, LITE0_LAYERS, lite0_file, lite0_network, maps_of
from seedscope.pipeline.networks.picture_model import looks_at_the_middle
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.networks.weights import sha256_of
from seedscope.pipeline.study.given import regular
from seedscope.pipeline.study.similarity import CLIP, Similarity
from seedscope.pipeline.study.strict import Json

if TYPE_CHECKING:
    import torch

PLACE = "sampling.guidance.similarity"
PROMPT = "{prompt}"
Measure = Callable[["torch.Tensor"], "torch.Tensor"]
"""Pictures (B, 3, H, W) float32, 0 .. 255, which may ask for gradients -> (B,) float32, higher where they are more like."""


class Likeness(ABC):
    """To what pictures are like, by what measure. Cheap: its networks are loaded by `load`."""

    @abstractmethod
    def cause(self) -> dict[str, Json]:
        """What determines the values: hashes of files and weights, never where they lie.

        Raises:
            FeatureError: a file or a model is missing or wrong, or has no such class; in a sentence.
        """

    @abstractmethod
    def load(self, device: str) -> Callable[[str], Measure]:
        """Of a prompt the measure of its pictures. Networks are on the device, in float32."""


@dataclass(frozen=True)
class ToText(Likeness):
    """The cosine of picture and text in CLIP, in [-1, 1], as the feature `clip_score` has it."""

    text: str
    clip: Pretrained

    def cause(self) -> dict[str, Json]:
        self.clip.config("clip")
        return {"text": self.text, "model": dict(self.clip.identity())}

    def load(self, device: str) -> Callable[[str], Measure]:
        import torch

        clip = _loaded(self.clip, device)

        def measure(prompt: str) -> Measure:
            tokens, cut = clip.tokens([self.text.replace(PROMPT, prompt)])
            if any(cut) and PROMPT not in self.text:
                raise FeatureError(f"{PLACE}.to.text: the text is longer than CLIP reads. Shorten it.")
            with torch.no_grad():
                wanted = _directions(clip.text_features(tokens.to(device)))
            return lambda pictures: (_seen(clip, pictures) * wanted).sum(dim=1)

        return measure


@dataclass(frozen=True)
class ToPicture(Likeness):
    """The cosine of two pictures in CLIP, in [-1, 1]."""

    picture: Path
    clip: Pretrained

    def cause(self) -> dict[str, Json]:
        self.clip.config("clip")
        return {"picture": _sha256(self.picture, "picture"), "model": dict(self.clip.identity())}

    def load(self, device: str) -> Callable[[str], Measure]:
        import torch

        clip = _loaded(self.clip, device)
        with torch.no_grad():
            wanted = _seen(clip, _tensor(self.picture, "picture", device))
        return lambda _: lambda pictures: (_seen(clip, pictures) * wanted).sum(dim=1)


@dataclass(frozen=True)
class ToStyle(Likeness):
    """Minus the style loss of two pictures by EfficientNet-Lite0: that of the feature `style_efficientnet_lite0`, in full.

    Source: Gatys et al. (2016), CVPR, eqs. 3-5.
    """

    picture: Path

    def cause(self) -> dict[str, Json]:
        return {"style": _sha256(self.picture, "style"), "weights": sha256_of(lite0_file()), "input": LITE0_INPUT}

    def load(self, device: str) -> Callable[[str], Measure]:
        import torch

        network = lite0_network().to(device)
        layers = [name for name in LITE0_LAYERS if name != "head"]

        def styles(pictures: torch.Tensor) -> list[torch.Tensor]:
            maps = maps_of(network, pictures)
            return [triangle(gram(maps[layer])) for layer in layers]

        with torch.no_grad():
            wanted = styles(_tensor(self.picture, "style", device))

        def measure(pictures: torch.Tensor) -> torch.Tensor:
            losses = [((a - b) ** 2).sum(dim=1) for a, b in zip(styles(pictures), wanted, strict=True)]
            return -torch.stack(losses).sum(dim=0)

        return lambda _: measure


@dataclass(frozen=True)
class ToClass(Likeness):
    """The logarithm of the probability that a classifier gives to a class."""

    label: str
    classifier: Pretrained

    def cause(self) -> dict[str, Json]:
        _, label = label_of(self.classifier, self.label)
        found: dict[str, Json] = {"class": label, "model": dict(self.classifier.identity())}
        # Classifiers that look at the middle were given whole pictures before.
        return found | {"version": 2} if looks_at_the_middle(self.classifier) else found

    def load(self, device: str) -> Callable[[str], Measure]:
        number, _ = label_of(self.classifier, self.label)
        classifier = Classifier(self.classifier, device)
        return lambda _: lambda pictures: classifier.log_probability(pictures, number)


def likeness_of(similarity: Similarity) -> Likeness:
    """To what a study wants pictures to be like, and by what measure."""
    to, by = similarity.to, _network(similarity)
    if to.style is not None:
        return ToStyle(Path(to.style))
    if to.label is not None:
        return ToClass(to.label, by)
    return ToText(to.text, by) if to.text is not None else ToPicture(Path(to.picture or ""), by)


def pinned(similarity: Similarity) -> Similarity:
    """The same; a network of the hub's is named by its commit, so that it stays the one that causes tell of.

    Raises:
        FeatureError: there is none.
    """
    commit = None if similarity.to.style is not None else _network(similarity).commit()
    return similarity if commit is None else similarity.model_copy(update={"revision": commit})


def cause_of(similarity: Similarity) -> dict[str, Json]:
    """What of it changes pixels, as JSON: contents, never paths.

    Raises:
        FeatureError: as for `Likeness.cause`.
    """
    how = similarity.model_dump(mode="json", include={"strength", "window", "through"})
    return {"version": 1, "to": likeness_of(similarity).cause(), **how}


def _network(similarity: Similarity) -> Pretrained:
    return Pretrained(PLACE, similarity.by or CLIP, similarity.revision, "by")


def _loaded(model: Pretrained, device: str) -> TransformersClip:
    clip = TransformersClip(model, model)
    clip.network.to(device)
    return clip


def _seen(clip: TransformersClip, pictures: torch.Tensor) -> torch.Tensor:
    return _directions(clip.image_features(clip.prepare(pictures)))


def _directions(features: torch.Tensor) -> torch.Tensor:
    lengths: torch.Tensor = features.norm(dim=1, keepdim=True)
    return features / lengths


def _bytes(path: Path, key: str) -> bytes:
    """Those of a picture file. Raises FeatureError where it is none that can be read."""
    try:
        content = regular(path).read_bytes()
        decode(content)
    except FileNotFoundError:
        reason = "there is no such file; paths are relative to the study file"
    except (OSError, ImageError, ValueError) as error:
        reason = str(error)
    else:
        return content
    raise FeatureError(f"{PLACE}.to.{key}: {path} cannot be read as a picture: {reason}.")


def _sha256(path: Path, key: str) -> str:
    return hashlib.sha256(_bytes(path, key)).hexdigest()


def _tensor(path: Path, key: str, device: str) -> torch.Tensor:
    """A picture file as (1, 3, H, W) float32, 0 .. 255."""
    import torch

    pixels: Pixels = np.array(decode(_bytes(path, key)))
    return torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None].float()
