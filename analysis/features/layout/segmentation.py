"""Object masks by any transformers model that segments pictures: the right class for a model, by its `model_type`."""

from __future__ import annotations

from typing import Any

from seedscope.analysis.features.layout.labelled import OneFormer, Semantic, Universal
from seedscope.analysis.features.layout.object_choice import LabelChoice, PhraseChoice
from seedscope.analysis.features.layout.segmenter import Segmenter
from seedscope.analysis.features.layout.text_prompted import ClipSeg, GroundedSam
from seedscope.pipeline.networks.picture_model import PictureModel
from seedscope.pipeline.networks.pretrained import Pretrained

SEMANTIC = ("beit", "data2vec-vision", "dpt", "mobilenet_v2", "mobilevit", "mobilevitv2", "segformer", "upernet")
UNIVERSAL = ("mask2former", "maskformer")
ONEFORMER, CLIPSEG = "oneformer", "clipseg"
GROUNDED = ("grounding-dino", "mm-grounding-dino")
KINDS = (*SEMANTIC, *UNIVERSAL, ONEFORMER, CLIPSEG, *GROUNDED)
"""The `model_type` of every model that `segmenter` knows."""


def segmenter(
    model: Pretrained, sam: Pretrained, objects: str, background: str | None, threshold: float
) -> Segmenter[Any]:
    """The segmenter for a model, with its weights, on the CPU; options are those of `layout`.

    Raises FeatureError where a model is missing, of another kind, or does not go with the options.
    """
    from transformers import AutoModelForSemanticSegmentation, AutoModelForUniversalSegmentation

    config = model.config(*KINDS)
    kind = config["model_type"]
    if kind == CLIPSEG or kind in GROUNDED:
        phrases = PhraseChoice.of(model, objects, background)
        if kind == CLIPSEG:
            return ClipSeg(model, phrases, threshold)
        return GroundedSam(model, sam, phrases, threshold)
    labels = {int(index): str(label) for index, label in config.get("id2label", {}).items()}
    choice = LabelChoice.of(model, labels, objects, background)
    if kind == ONEFORMER:
        return OneFormer(model, choice)
    if kind in UNIVERSAL:
        return Universal(PictureModel(model, AutoModelForUniversalSegmentation), choice)
    return Semantic(PictureModel(model, AutoModelForSemanticSegmentation), choice)
