"""The embedding of DINOv2, for FD-DINOv2.

The picture is resized by torchvision, on the device; the published code uses Pillow, which rounds between its two passes. On
256 x 256 photographs 99.6 % of the 8-bit values are the same on the CPU (none is off by more than 2), and 82 % where
torchvision computes in floating point, as on CUDA (0.02 % are off by more than 1).
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.analysis.features.embedding import Embed, Embedding
from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch

DINOV2_SIDE = 224
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Dinov2(Embedding):
    """The class token behind DINOv2's last layer norm: 1,024 numbers for the published ViT-L/14.

    `model`: a folder or a hub id; `revision`: of a hub id. The whole picture is squeezed to 224 x 224 (bicubic, averaging
    where it shrinks, rounded to 8 bits) and scaled by ImageNet's mean and standard deviation.

    Source: Stein et al. (2023), arXiv 2306.04675; dgm_eval/models/dinov2.py of github.com/layer6ai-labs/dgm-eval.
    Deviation: none in the network, which interpolates its position embeddings as facebookresearch/dinov2 does, not as
    transformers does; the resize is torchvision's, see above.
    """

    name: ClassVar[str] = "fd_dinov2"

    def __init__(self, model: str = "facebook/dinov2-large", revision: str | None = None, batch_size: int = 16) -> None:
        super().__init__(batch_size)
        self._model = Pretrained(self.name, model, revision)

    @property
    def dimensions(self) -> int:
        return int(self._model.config("dinov2").get("hidden_size", 768))  # files leave defaults out

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "model": self._model.identity(), "input": "224 squeezed bicubic, ImageNet mean and std"}

    def build(self, device: str) -> Embed:
        from transformers import Dinov2Model

        patch = int(self._model.config("dinov2").get("patch_size", 16))
        if DINOV2_SIDE % patch:
            raise self._model.error(f"patches of {patch} pixels do not divide a side of {DINOV2_SIDE}")
        network: Any = self._model.network(Dinov2Model)
        _fix_positions(network, DINOV2_SIDE // patch)
        network.to(device)

        def embed(images: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = network(_prepared(images)).pooler_output
            return vectors

        return embed


def _prepared(images: torch.Tensor) -> torch.Tensor:
    """(N, 3, 224, 224) float32 of pictures (N, 3, H, W) uint8, as the class says."""
    from torchvision.transforms.v2.functional import InterpolationMode, normalize, resize

    squeezed = resize(images, [DINOV2_SIDE, DINOV2_SIDE], InterpolationMode.BICUBIC, antialias=True)
    inputs: torch.Tensor = normalize(squeezed.float() / 255.0, IMAGENET_MEAN, IMAGENET_STD)
    return inputs


def _fix_positions(network: Any, grid: int) -> None:
    """Give DINOv2 position embeddings for `grid` x `grid` patches, so that it does not interpolate them at each call.

    Source: facebookresearch/dinov2, vision_transformer.py, `interpolate_pos_encoding`: the scale is (grid + 0.1) / trained
    grid, by which the sampled places differ from those of transformers, which gives the size alone.
    """
    import torch

    trained = network.embeddings.position_embeddings
    side = isqrt(trained.shape[1] - 1)
    if side == grid:
        return
    patches = trained[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    scaled = torch.nn.functional.interpolate(patches, scale_factor=(grid + 0.1) / side, mode="bicubic")
    positions = torch.cat([trained[:, :1], scaled.flatten(2).transpose(1, 2)], dim=1)
    network.embeddings.position_embeddings = torch.nn.Parameter(positions, requires_grad=False)
