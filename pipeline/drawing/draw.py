"""An open model, and cells drawn with it: from their prompts, or into given pictures."""

from collections import OrderedDict
from typing import Any

import torch

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.guidance import Branch, branches
from seedscope.pipeline.drawing.sampler import sample, to_pixels
from seedscope.pipeline.drawing.tasks.canvas import Canvas, Encoded, canvas
from seedscope.pipeline.drawing.tasks.inpainting import Inpainting
from seedscope.pipeline.models.load import Embedding, load
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.schema import Study

EMBEDDINGS_KEPT = 256


class Drawing:
    """Draws cells of one unit after another. Slow to make: it loads the model.

    Raises:
        ModelError: weights that cannot be loaded, or are not all there.
    """

    def __init__(self, study: Study, located: Located, inpaint: Inpainting | None = None) -> None:
        self._study, self._inpaint = study, inpaint
        self._shape, self._size = located.latent_shape(study.sampling), located.size(study.sampling)
        self.model = load(located, study.model.variant, study.sampling, study.compute)
        self._kept = EMBEDDINGS_KEPT
        self._embeddings: OrderedDict[str, Embedding] = OrderedDict()
        self._latents: dict[int, torch.Tensor] = {}
        self._given: dict[str, Encoded] = {}

    def begin(self, unit: Unit) -> dict[str, dict[str, Any]]:
        """Prepare for the cells of a unit: draw its noise, encode its given pictures.

        Returns:
            What the rows of each prompt say of its given picture, by the prompt's id; nothing where there are none.
        """
        self._kept = max(EMBEDDINGS_KEPT, len(unit.prompts) + 2)
        self._latents = {seed: noise.latent(seed, self._shape) for seed in unit.seeds}
        return {} if self._inpaint is None else self._encode_given(unit, self._inpaint)

    def _encode_given(self, unit: Unit, inpaint: Inpainting) -> dict[str, dict[str, Any]]:
        columns: dict[str, dict[str, Any]] = {}
        self._given = {}
        for prompt in unit.prompts:
            pixels, mask = inpaint.given(prompt.id)
            self._given[prompt.id] = Encoded.of(self.model, pixels, mask)
            columns[prompt.id] = inpaint.columns(prompt.id, mask)
        return columns

    def latents(self) -> str:
        """The digest of the unit's noise."""
        return noise.digest(torch.stack(list(self._latents.values())))

    def draw(self, cells: list[Cell]) -> tuple[torch.Tensor, list[bool]]:
        """Draw cells of the unit as one batch: pixels (B, H, W, 3) uint8, and which of them are finite."""
        sampling = self._study.sampling
        texts = {branch: self._texts(branch, cells) for branch in branches(sampling.guidance, sampling.steps)}
        generators = [noise.generator(seed, self._shape) for _, seed in cells]
        start = torch.stack([self._latents[seed] for _, seed in cells])
        ground = self._canvas(cells, generators, start)
        drawn = sample(self.model, start, generators, texts, sampling, self._size, ground)
        pictures = self.model.decode(drawn)
        return to_pixels(pictures), torch.isfinite(pictures).flatten(1).all(1).tolist()

    def _canvas(self, cells: list[Cell], generators: list[torch.Generator], start: torch.Tensor) -> Canvas | None:
        if self._inpaint is None:
            return None
        return canvas(self.model, [self._given[prompt.id] for prompt, _ in cells], generators, start)

    def _texts(self, branch: Branch, cells: list[Cell]) -> list[Embedding]:
        """What a branch of the guidance is told, for each cell."""
        if branch == "positive":
            return [self._embed(prompt.text) for prompt, _ in cells]
        text = self._study.sampling.guidance.negative_prompt if branch == "negative" else ""
        return [self._embed(text, negative=True)] * len(cells)

    def _embed(self, text: str, *, negative: bool = False) -> Embedding:
        """The embedding of a text, from the last so many that were asked for."""
        key = f"{'-' if negative else '+'}{text}"
        if key not in self._embeddings:
            embed = self.model.embed_negative if negative else self.model.embed
            self._embeddings[key] = embed(text)
            if len(self._embeddings) > self._kept:
                self._embeddings.popitem(last=False)
        self._embeddings.move_to_end(key)
        return self._embeddings[key]
