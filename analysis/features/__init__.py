"""Features by name. A new feature is a new file and one line in `_CLASSES`."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from inspect import signature

from seedscope.analysis.features.base import Feature, FeatureError

__all__ = ["NAMES", "Feature", "FeatureError", "feature"]

# A class is imported when it is asked for, so that listing names loads no torch.
_CLASSES = {
    "fd_efficientnet_lite0": "efficientnet_lite0:EfficientNetLite0",
    "fid_inception": "inception:InceptionFID",
    "fd_dinov2": "dinov2:Dinov2",
    "fd_clip": "clip_images:ClipImages",
    "clip_score": "clip_score:ClipScore",
    "pick_score": "pick_score:PickScore",
    "hps_v2": "hps:HPSv2",
    "elbo": "elbo.elbo:Elbo",
    "layout": "layout.layout:Layout",
    "looks": "looks.looks:Looks",
    "style_efficientnet_lite0": "style:StyleLite0",
    "style_vgg19": "style:StyleVGG19",
    "text": "text.text:Text",
    "torchmetrics": "torchmetrics_values:TorchmetricsValues",
}
NAMES: tuple[str, ...] = tuple(_CLASSES)


def feature(name: str, **options: object) -> Feature:
    """The feature called `name`, not yet loaded; `options` are those of its class (`weights` for `fid_inception`).

    Raises FeatureError for a name or an option that does not exist, with the nearest and all that do.
    """
    if name not in _CLASSES:
        raise FeatureError(f"no feature is called {name!r}{_known(name, NAMES)}")
    module, class_name = _CLASSES[name].split(":")
    cls: Callable[..., Feature] = getattr(import_module(f"{__name__}.{module}"), class_name)
    accepted = tuple(signature(cls).parameters)
    for option in options:
        if option not in accepted:
            raise FeatureError(f"the feature {name!r} has no option {option!r}{_known(option, accepted)}")
    return cls(**options)


def _known(wrong: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(wrong, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"{meant} Known: {', '.join(known) if known else 'none'}."
