"""What is near in a picture, by any transformers model that estimates depth."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.networks.picture_model import PictureModel
from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch

_DISTANCE = {
    "dpt": False,
    "depth_anything": False,
    "prompt_depth_anything": False,
    "glpn": True,
    "zoedepth": True,
    "depth_pro": True,
}
"""Whether models of a type give distances (the larger the farther) rather than inverse ones, up to a scale and a shift."""


class Depth:
    """A depth model with its weights; `model` is read as the option `depth` of `layout`.

    Raises FeatureError where it is missing, of an unknown type, or its weights do not fit.
    """

    def __init__(self, model: Pretrained) -> None:
        from transformers import AutoModelForDepthEstimation

        self._distance = gives_distance(model)
        self._model = PictureModel(model, AutoModelForDepthEstimation)

    def to(self, device: str, half: bool) -> None:
        """Move the network to a torch device; where `half` and on CUDA, run it in float16."""
        self._model.to(device, half)

    def nearness(self, images: torch.Tensor) -> torch.Tensor:
        """(N, H, W) float32 of pictures (N, 3, H, W) uint8 on the network's device: the larger, the nearer.

        Without a common scale: values of two pictures, or of two models, do not compare.
        """
        import torch

        outputs = self._model.run(**self._model.prepared(images))
        outputs.predicted_depth = outputs.predicted_depth.float()
        sizes = [tuple(images.shape[2:])] * len(images)
        answer = self._model.processor.post_process_depth_estimation
        padded = {"source_sizes": sizes} if "source_sizes" in signature(answer).parameters else {}
        depths: list[dict[str, Any]] = answer(outputs, target_sizes=sizes, **padded)
        depth = torch.stack([one["predicted_depth"] for one in depths])
        return -depth if self._distance else depth


def gives_distance(model: Pretrained) -> bool:
    """Whether a depth model's values grow with the distance. Raises FeatureError for types of which this is not known.

    Known by type: MiDaS' DPT and Depth Anything give inverse depth; GLPN, ZoeDepth and Depth Pro give metres, and so do
    Depth Anything where its settings say "metric", and the DPT heads of DINOv2 (NYU, KITTI), which alone have
    `add_projection`.

    Source: Ranftl et al. (2021), arXiv 2103.13413, section 4.1; Yang et al. (2024), arXiv 2406.09414; Kim et al.
    (2022), arXiv 2201.07436; Bhat et al. (2023), arXiv 2302.12288; Bochkovskii et al. (2024), arXiv 2410.02073; Oquab
    et al. (2023), arXiv 2304.07193.
    """
    config = model.config(*_DISTANCE)
    if "depth_estimation_type" in config:
        return bool(config["depth_estimation_type"] == "metric")
    return _DISTANCE[config["model_type"]] or bool(config.get("add_projection"))
