"""The embedding of CLIP's image encoder, for CMMD and for Frechet distances in CLIP's space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.analysis.features.embedding import Embed, Embedding
from seedscope.pipeline.networks.clip_models import image_processor, processed
from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch


class ClipImages(Embedding):
    """CLIP's projected image embedding, of length one: 768 numbers for the published ViT-L/14 at 336 pixels.

    `model`: a bundled one (`sprout-clip`), a folder or a hub id; `revision`: of a hub id. The middle square is resized
    by the model's own processor (bicubic).

    Source: Jayasumana et al. (2024), arXiv 2401.09603, section 4; cmmd/embedding.py and cmmd/io_util.py of
    github.com/google-research/google-research. Deviation: the resize is torchvision's, as in `dinov2`.
    """

    name: ClassVar[str] = "fd_clip"

    def __init__(
        self, model: str = "openai/clip-vit-large-patch14-336", revision: str | None = None, batch_size: int = 16
    ) -> None:
        super().__init__(batch_size)
        self._model = Pretrained(self.name, model, revision)

    @property
    def dimensions(self) -> int:
        return int(self._model.config("clip").get("projection_dim", 512))  # files leave defaults out

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "model": self._model.identity(), "input": "middle square, the model's processor"}

    def build(self, device: str) -> Embed:
        from transformers import CLIPVisionModelWithProjection

        self._model.config("clip")
        processor = image_processor(self._model)
        network = self._model.network(CLIPVisionModelWithProjection, without=("text_", "logit_scale")).to(device)

        def embed(images: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = network(processed(processor, _middle_square(images))).image_embeds
            lengths: torch.Tensor = vectors.norm(dim=1, keepdim=True)
            return vectors / lengths

        return embed


def _middle_square(images: torch.Tensor) -> torch.Tensor:
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, :, top : top + side, left : left + side]
