"""What the measurements of a run are called in a report, and in what unit they are."""

from __future__ import annotations

import re
from typing import NamedTuple

from seedscope.analysis.seeds.distances.base import FRECHET, NAMES, distance_class


class Title(NamedTuple):
    """A measurement's name for people, and the unit of its values, empty where they have none."""

    title: str
    unit: str = ""


OF_PICTURE, OF_MASK, FROM_0_TO_1 = "share of picture", "share of mask", "0 to 1"
NETWORKS = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "dinov2": "DINOv2",
    "clip": "CLIP",
    "inception": "Inception",
    "vgg19": "VGG19",
}
TITLES = {
    "clip_score": Title("CLIPScore"),
    "pick_score": Title("PickScore"),
    "hps_v2": Title("HPS v2"),
    "elbo": Title("Unlikeliness of the latent (bound)", "bits a dimension"),
    "elbo_error": Title("Noise missed by the model", "mean square"),
    "elbo_gain": Title("Gain by the prompt", "bits a dimension"),
    "combined": Title("Combined score", "s.d. of pictures"),
    "looks_colourfulness": Title("Colourfulness"),
    "looks_saturation": Title("Saturation", "mean C*"),
    "looks_brightness": Title("Brightness", "mean L*"),
    "looks_contrast": Title("Contrast"),
    "looks_sharpness": Title("Sharpness"),
    "looks_border_strength": Title("Border strength", FROM_0_TO_1),
    "looks_sky": Title("Bright sky", OF_PICTURE),
    "looks_chroma": Title("Strongest colour", "C*"),
    "looks_greyscale": Title("Greyscale pictures"),
    "layout_x": Title("Object: left to right", "share of width"),
    "layout_y": Title("Object: top to bottom", "share of height"),
    "layout_size": Title("Object: size", OF_PICTURE),
    "layout_nearness": Title("Object: nearness", FROM_0_TO_1),
    "layout_confidence": Title("Object: certainty", FROM_0_TO_1),
    "text": Title("Pictures with text"),
    "text_share": Title("Area of text", OF_PICTURE),
}
IN_MASKS = {"text": Title("Masks with text"), "text_share": Title("Area of text", OF_MASK)}


def title_of(name: str, *, controlled: bool = False) -> Title:
    """The title of a measurement; `controlled`: text is looked for in masks. One that is not known keeps its name, in words."""
    if controlled and name in IN_MASKS:
        return IN_MASKS[name]
    if found := re.fullmatch(rf"((?:fd|fid)_.+?)(?:_(witness|{'|'.join(NAMES)}))?", name):
        return Title(_distance(found[1], found[2]))
    words = name.replace("_", " ")
    return TITLES.get(name, Title(words[:1].upper() + words[1:]))


def _distance(feature: str, kind: str | None) -> str:
    """`Fréchet distance (DINOv2)`, `Recall (DINOv2)`. FID, KID and CMMD only for the features that define them."""
    words = distance_class(kind if kind in NAMES else FRECHET).title(feature)
    network = feature.partition("_")[2]
    return f"{words}{', by picture' if kind == 'witness' else ''} ({NETWORKS.get(network, network)})"


def space_of(feature: str) -> str:
    """What is compared where pictures are compared by a feature: `style (EfficientNet-Lite0)`, `layout`."""
    if feature == "layout":
        return feature
    kind, _, network = feature.partition("_")
    return f"{'style' if kind == 'style' else 'features'} ({NETWORKS.get(network, network)})"
