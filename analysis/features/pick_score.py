"""PickScore: what people would choose, learned from choices of a web service's users."""

from __future__ import annotations

from typing import Any, ClassVar

from seedscope.analysis.features.preference import Preference
from seedscope.pipeline.networks.clip_models import DualEncoder, TransformersClip
from seedscope.pipeline.networks.pretrained import Pretrained


class PickScore(Preference):
    """The logit of picture and prompt in PickScore: a cosine times its learnt scale (about 100); published ones lie near 20.

    `model`: a folder or a hub id with the weights; `processor`: with the preprocessing and the tokenizer, which the
    published weights come without; `revision` and `processor_revision`: of hub ids.

    Source: Kirstain et al. (2023), arXiv 2305.01569, section 3, and the README of github.com/yuvalkirstain/PickScore.
    """

    name: ClassVar[str] = "pick_score"
    says: ClassVar[str] = (
        "How people would choose the picture for its prompt, by PickScore; compare pictures of one prompt."
    )
    unit: ClassVar[str] = "logit"

    def __init__(
        self,
        model: str = "yuvalkirstain/PickScore_v1",
        revision: str | None = None,
        processor: str = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
        processor_revision: str | None = None,
        batch_size: int = 16,
        half: bool = True,
    ) -> None:
        super().__init__(batch_size, half)
        self._model = Pretrained(self.name, model, revision)
        self._processor = Pretrained(self.name, processor, processor_revision, option="processor")

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "model": self._model.identity(), "processor": self._processor.identity(weights=False)}

    def build(self) -> DualEncoder:
        return TransformersClip(self._model, self._processor)

    def scale(self, encoder: DualEncoder) -> float:
        return encoder.logit_scale()
