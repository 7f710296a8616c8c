"""Networks that make features of pictures with gradients, for guidance by what pictures show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seedscope.pipeline.networks.clip_models import TransformersClip
from seedscope.pipeline.networks.lite0 import LITE0_INPUT, lite0_file, lite0_network, maps_of
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.networks.weights import sha256_of
from seedscope.pipeline.study.schema import Json

if TYPE_CHECKING:
    import torch

Embed = Callable[["torch.Tensor"], "torch.Tensor"]
"""(n, K) float32 features of pictures (n, 3, H, W), about -1 .. 1, through which gradients flow."""
LITE0 = "efficientnet_lite0"


def encoder_commit(name: str, revision: str | None) -> str | None:
    """The commit of an encoder of the hub, which a branch is now; None of one that is here.

    Raises:
        FeatureError: there is none.
    """
    return None if name == LITE0 else _clip(name, revision).commit()


def encoder_identity(name: str, revision: str | None) -> Json:
    """What an encoder is, by hashes: `efficientnet_lite0`, or a CLIP by its bundled name, folder or hub id.

    Raises:
        FeatureError: there is none.
    """
    if name == LITE0:
        return {"weights": sha256_of(lite0_file()), "input": LITE0_INPUT}
    _clip(name, revision).config("clip")
    return dict(_clip(name, revision).identity())


def picture_encoder(name: str, revision: str | None, device: str) -> Embed:
    """The encoder of that name on a device, in float32; its weights have no gradients.

    Raises:
        FeatureError: it cannot be loaded.
    """
    if name == LITE0:
        network = lite0_network().to(device)
        return lambda pictures: maps_of(network, _as_bytes(pictures))["head"].mean(dim=(2, 3))
    clip = TransformersClip(_clip(name, revision), _clip(name, revision))
    clip.network.to(device)
    return lambda pictures: clip.image_features(clip.prepare(_as_bytes(pictures)))


def _clip(name: str, revision: str | None) -> Pretrained:
    return Pretrained("task.particles", name, revision, option="by")


def _as_bytes(pictures: torch.Tensor) -> torch.Tensor:
    """0 .. 255, not rounded."""
    return (pictures.float() / 2 + 0.5).clamp(0, 1) * 255
