"""An open model, and cells drawn with it, as a task asks."""

from collections.abc import Mapping

import torch
from cachetools import LRUCache

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.guidance import Branch, branches
from seedscope.pipeline.drawing.sampler import sample, to_pixels
from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Embedding
from seedscope.pipeline.models.device import gpu_memory_ran_out
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.schema import Study

EMBEDDINGS_KEPT = 256


class Drawing:
    """Draws cells of one unit after another. Slow to make: it loads the model.

    Raises:
        ModelError: weights that cannot be loaded, or are not all there; a negative prompt that has no effect.
    """

    def __init__(self, study: Study, located: Located, task: Task) -> None:
        self._study, self._task = study, task
        self._shape, self._size = located.latent_shape(study.sampling), located.size(study.sampling)
        self.model = load(located, study.model.variant, study.sampling, study.compute)
        guidance, told = study.sampling.guidance, self.model.told_guidance
        if told and guidance.negative_prompt:
            raise ModelError(
                f"sampling.guidance.negative_prompt: {study.model.id} is told the guidance scale and has learned to guide "
                "itself, which leaves no place for a negative prompt. Remove it."
            )
        self._branches = branches(guidance, study.sampling.steps, told=told)
        self._embeddings = LRUCache[str, Embedding](EMBEDDINGS_KEPT)
        self._latents: dict[int, torch.Tensor] = {}
        self._begun = Begun()
        self._decoded_at_once = study.compute.batch_size

    @torch.no_grad()
    def begin(self, unit: Unit) -> Mapping[str, dict[str, object]]:
        """Prepare for the cells of a unit: draw its noise, and what the task prepares.

        Returns:
            What the rows of each prompt say beside its text, by the prompt's id.
        """
        if (needed := len(unit.prompts) + 2) > self._embeddings.maxsize:
            self._embeddings = LRUCache(needed)
        self._latents = {seed: noise.latent(seed, self._shape) for seed in unit.seeds}
        self._begun = self._task.begin(self.model, unit.prompts)
        return self._begun.columns

    def latents(self) -> str:
        """The digest of the unit's noise."""
        return noise.digest(torch.stack(list(self._latents.values())))

    @torch.no_grad()
    def draw(self, cells: list[Cell]) -> tuple[torch.Tensor, list[bool]]:
        """Draw cells of the unit as one batch: pixels (B, H, W, 3) uint8, and which of them are finite."""
        sampling = self._study.sampling
        texts = {branch: self._texts(branch, cells) for branch in self._branches}
        generators = [noise.generator(seed, self._shape) for _, seed in cells]
        start = torch.stack([self._latents[seed] for _, seed in cells])
        hooks = self._begun.hooks(cells, generators, start)
        pictures = self._decode(sample(self.model, start, generators, texts, sampling, self._size, hooks))
        return to_pixels(pictures), torch.isfinite(pictures).flatten(1).all(1).tolist()

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures of latents, in pieces that have been seen to fit: decoding takes more memory than denoising, whose steps are
        not done again for it."""
        pieces = torch.split(latents, min(self._decoded_at_once, len(latents)))
        try:
            return torch.cat([self.model.decode(piece) for piece in pieces])
        except Exception as error:
            if len(pieces[0]) == 1 or not gpu_memory_ran_out(error):
                raise
            self._decoded_at_once = len(pieces[0]) // 2
        return self._decode(latents)

    def _texts(self, branch: Branch, cells: list[Cell]) -> list[Embedding]:
        """What a branch of the guidance is given, for each cell."""
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
        return self._embeddings[key]
