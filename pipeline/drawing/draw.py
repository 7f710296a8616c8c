"""An open model, and cells drawn with it, as a task asks."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from cachetools import LRUCache

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.guidance import Branch
from seedscope.pipeline.drawing.guidance.guides import guides
from seedscope.pipeline.drawing.hooks import Together
from seedscope.pipeline.drawing.sampler import sample, to_pixels
from seedscope.pipeline.drawing.stock_call import branches_of, call_whole, text_of
from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.models.as_it_is import CalledAsItIs
from seedscope.pipeline.models.base import Denoiser, Embedding, Text
from seedscope.pipeline.models.device import exact_float32, gpu_memory_ran_out
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, Study

EMBEDDINGS_KEPT = 256


class Drawing:
    """Draws cells of one unit after another. Slow to make: it loads the model.

    Raises:
        ModelError: weights that cannot be loaded, or are not all there.
    """

    def __init__(self, study: Study, located: Located, task: Task) -> None:
        self._study, self.task = study, task
        self.noise, self._studys_size = noise.recipe_of(study, located), located.size(study.sampling)
        self.model = load(located, study.model.variant, study.sampling, study.compute)
        self._branches = branches_of(self.model, study.sampling)
        self._guides = guides(self.model, study.sampling)
        self._embeddings = LRUCache[Text, Embedding](EMBEDDINGS_KEPT)
        self._noise, self._size, self._latents = self.noise, self._studys_size, dict[int, torch.Tensor]()
        self._begun = Begun()
        self._decoded_at_once = study.compute.batch_size

    @torch.no_grad()
    @exact_float32()
    def begin(
        self, unit: Unit, how: noise.Recipe | None = None, size: tuple[int, int] | None = None
    ) -> Mapping[str, dict[str, object]]:
        """Prepare for the cells of a unit: draw its noise, and what the task prepares.

        Args:
            how: the noise of these cells; None: that of the study.
            size: (height, width) of their pictures, pixels, for which the noise is made; None: that of the study.

        Returns:
            What the rows of each prompt say beside its text, by the prompt's id.
        """
        self._embed(unit.prompts)
        self._noise, self._size = how or self.noise, size or self._studys_size
        self._latents = {} if self._noise is None else {seed: self._noise.latent(seed) for seed in unit.seeds}
        self._begun = self.task.begin(self.model, unit.prompts)
        return self._begun.columns

    def told(self) -> dict[str, Json]:
        """What receipts say of the unit's noise."""
        latents = list(self._latents.values())
        digest: dict[str, Json] = {"latents": noise.digest(torch.stack(latents))} if latents else {}
        return {**digest, **self.model.told(), **self._begun.told()}

    @torch.no_grad()
    @exact_float32()
    def draw(self, cells: list[Cell]) -> tuple[torch.Tensor, list[bool]]:
        """Draw cells of the unit as one batch: pixels (B, H, W, 3) uint8, and which of them are finite."""
        if isinstance(self.model, CalledAsItIs):
            pictures = self.model.draw([(prompt.text, seed) for prompt, seed in cells], self._size)
        else:
            with nullcontext() if self._noise is None else self._noise.drawing():
                pictures = self._from_latents(cells)
        return to_pixels(pictures), torch.isfinite(pictures).flatten(1).all(1).tolist()

    def _from_latents(self, cells: list[Cell]) -> torch.Tensor:
        """Pictures of cells, (B, 3, H, W) float32, of noise that is drawn here."""
        texts = {branch: self._texts(branch, cells) for branch in self._branches}
        start = torch.stack([self._latents[seed] for _, seed in cells])
        generators = self._generators(cells)
        if isinstance(self.model, Denoiser):
            return self._decode(self.model, self._sampled(self.model, cells, start, generators, texts))
        return call_whole(self.model, start, generators, texts, self._size)

    def _sampled(
        self,
        model: Denoiser,
        cells: list[Cell],
        start: torch.Tensor,
        generators: list[torch.Generator],
        texts: Mapping[Branch, list[Embedding]],
    ) -> torch.Tensor:
        """The latents of cells, (B, C, h, w); only those whose texts are of one length are drawn together."""
        lengths = [max(map(model.length, each)) for each in zip(*texts.values(), strict=True)]
        if len(set(lengths)) > 1:
            latents = torch.empty_like(start, device=model.device)
            for length in dict.fromkeys(lengths):
                some = [place for place, each in enumerate(lengths) if each == length]
                of_some = {branch: [each[place] for place in some] for branch, each in texts.items()}
                here, states = [cells[place] for place in some], [generators[place] for place in some]
                latents[some] = self._sampled(model, here, start[some], states, of_some)
            return latents
        of_guides = [guide.hooks(cells) for guide in self._guides]
        hooks = Together([self._begun.hooks(cells, generators, start), *of_guides])
        return sample(model, start, generators, texts, self._study.sampling, self._size, hooks)

    def _generators(self, cells: list[Cell]) -> list[torch.Generator]:
        """Those of cells in the state after the initial latent."""
        return [] if self._noise is None else [self._noise.generator(seed) for _, seed in cells]

    def _decode(self, model: Denoiser, latents: torch.Tensor) -> torch.Tensor:
        """Pictures of latents, in pieces that have been seen to fit: decoding takes more memory than denoising, whose steps are
        not done again for it."""
        pieces = torch.split(latents, min(self._decoded_at_once, len(latents)))
        try:
            return torch.cat([model.decode(piece) for piece in pieces])
        except Exception as error:
            if len(pieces[0]) == 1 or not gpu_memory_ran_out(error):
                raise
            self._decoded_at_once = len(pieces[0]) // 2
        return self._decode(model, latents)

    def _embed(self, prompts: Sequence[Prompt]) -> None:
        """Embed the texts of a unit that are not kept from the units before, all at once."""
        wanted = dict.fromkeys(self._text(branch, prompt) for branch in self._branches for prompt in prompts)
        if len(wanted) > self._embeddings.maxsize:
            self._embeddings = LRUCache(len(wanted))
        kept = {text: self._embeddings[text] for text in wanted if text in self._embeddings}
        missing = [text for text in wanted if text not in kept]
        self._embeddings.update(zip(missing, self.model.embed(missing), strict=True))

    def _texts(self, branch: Branch, cells: list[Cell]) -> list[Embedding]:
        """What a branch of the guidance is given, for each cell."""
        return [self._embeddings[self._text(branch, prompt)] for prompt, _ in cells]

    def _text(self, branch: Branch, prompt: Prompt) -> Text:
        return text_of(branch, prompt.text, self.task.guided(prompt, self._study.sampling.guidance))
