"""The CLIP score: how well a picture fits its prompt."""

from __future__ import annotations

from typing import Any, ClassVar

from seedscope.analysis.features.preference import Preference
from seedscope.pipeline.networks.clip_models import DualEncoder, TransformersClip
from seedscope.pipeline.networks.pretrained import Pretrained


class ClipScore(Preference):
    """The cosine of picture and prompt in CLIP, in [-1, 1].

    `model`: a bundled one (`sprout-clip`), a folder or a hub id of any CLIP of transformers; `revision`: of a hub id.

    Source: Hessel et al. (2021), arXiv 2104.08718, section 3: CLIP-S = 2.5 max(cos, 0) of "A photo depicts" + caption.
    Deviation: the bare cosine, of which theirs (2.5 times) and torchmetrics' (100 times) are rescalings; negative ones are
    kept, since pictures that are clipped to 0 could not be told apart; the prompt stands alone, as in torchmetrics.
    """

    name: ClassVar[str] = "clip_score"
    says: ClassVar[str] = "How well the picture fits its prompt, by CLIP; compare pictures of one prompt."

    def __init__(
        self,
        model: str = "openai/clip-vit-base-patch32",
        revision: str | None = None,
        batch_size: int = 16,
        half: bool = True,
    ) -> None:
        super().__init__(batch_size, half)
        self._model = Pretrained(self.name, model, revision)

    def facts(self) -> dict[str, Any]:
        return {"version": 1, "model": self._model.identity()}

    def build(self) -> DualEncoder:
        return TransformersClip(self._model, self._model)
