"""Kinds of guidance that act between the prediction of a step and the step. A new kind is a new file and a line in `guides`."""

from collections.abc import Sequence
from typing import Protocol

from seedscope.pipeline.drawing.guidance.similarity import SimilarityGuide
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.models.base import Denoiser, Drawer
from seedscope.pipeline.study.plan import Cell
from seedscope.pipeline.study.schema import Sampling


class Guide(Protocol):
    """A kind of guidance, ready for every batch."""

    def hooks(self, cells: Sequence[Cell]) -> Hooks:
        """What it does around the steps of a batch."""
        ...


def guides(model: Drawer, sampling: Sampling) -> list[Guide]:
    """Those that a study asks for and that change anything, in the order in which they act.

    Raises:
        UserError: one of them cannot be done with the model, or lacks a file; in a sentence.
    """
    if not isinstance(model, Denoiser):
        return []
    similarity = sampling.guidance.acting_similarity
    return [] if similarity is None else [SimilarityGuide(model, similarity)]
