"""How strongly a UNet attends to some words of its texts: norms of cross-attention maps, summed over the layers.

F of a layer is softmax(Q K^T / sqrt(d)), averaged over heads: a row a cell of the latent, a column a token. Of each step,
picture and branch one number is kept, the sum over layers of the norm of the word's column; where a word is several tokens,
their columns are added up first. No map outlives its layer.

Source: Ban et al. 2024 (arXiv 2406.02965), equation 10, whose r_t is the ratio of two such sums.
Deviation: maps are not resized to one size: a layer counts as its norm is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0

from seedscope.pipeline.drawing.guidance import Branch, step_of, weights
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Scheduler
from seedscope.pipeline.study.schema import Sampling

CROSS = "attn2.processor"
"""How the names of processors end that attend to a text."""
_READ: tuple[type, ...] = (AttnProcessor, AttnProcessor2_0)
Words = Mapping[Branch, Sequence[Sequence[int]]]
"""Branch -> for each of B pictures the places of a word's tokens in its text."""


class AttentionNorms(Hooks):
    """Hooks that record, for one batch, how strongly each branch attends to a word.

    Args:
        words: of the branches to look at.
        sampling: of the study: it says which branches run at a step, and in which order.

    Attributes:
        found: branch -> (B,) float32 for each timestep so far; NaN where the branch does not run.
    """

    def __init__(self, words: Words, sampling: Sampling) -> None:
        self._words, self._sampling = words, sampling
        self._batch = len(next(iter(words.values())))
        self._step, self._order, self._run = 0, 1, tuple[Branch, ...]()
        self.found: dict[Branch, list[torch.Tensor]] = {branch: [] for branch in words}

    def begin(self, scheduler: Scheduler) -> None:
        self._order = scheduler.order

    def model_input(self, latents: torch.Tensor) -> torch.Tensor:
        """The latents as they are; the branches of this step begin."""
        counted = step_of(self._step, self._order, self._sampling.steps)
        self._run = tuple(weights(self._sampling.guidance, counted))
        for branch, norms in self.found.items():
            norms.append(torch.full((self._batch,), 0.0 if branch in self._run else torch.nan))
        return latents

    def after_step(self, latents: torch.Tensor, scheduler: Scheduler, step: int) -> torch.Tensor:  # noqa: ARG002
        self._step = step + 1
        return latents

    def attended(self, probabilities: torch.Tensor, heads: int) -> None:
        """Add a layer's norms.

        Args:
            probabilities: (branches x B x heads, N, L) of N cells of the latent and L tokens, branch by branch.
        """
        maps = probabilities.detach().float().view(len(self._run), self._batch, heads, *probabilities.shape[1:]).mean(2)
        for place, branch in enumerate(self._run):
            if branch not in self.found:
                continue
            columns = [
                of_one[:, list(places)].sum(1) for of_one, places in zip(maps[place], self._words[branch], strict=True)
            ]
            self.found[branch][-1] += torch.stack(columns).norm(dim=1).cpu()


class Recorders:
    """A UNet whose layers that attend to a text tell what they attend to; `told` is who listens, if anybody does.

    Raises:
        ModelError: it attends by processors that compute no probabilities which can be read.
    """

    def __init__(self, unet: Any) -> None:
        self.told: AttentionNorms | None = None
        processors: dict[str, Any] = dict(unet.attn_processors)
        crossed = [name for name in processors if name.endswith(CROSS)]
        other = sorted({type(processors[name]).__name__ for name in crossed if type(processors[name]) not in _READ})
        if not crossed or other:
            with_what = ", ".join(other) or "no layers that attend to a text"
            raise ModelError(
                f"model: its UNet has {with_what}, whose attention cannot be read. Name a model that attends as diffusers' "
                "plain UNets do, without adapters for pictures."
            )
        recorder = _Recorder(self._attended)
        unet.set_attn_processor({**processors, **dict.fromkeys(crossed, recorder)})

    def _attended(self, probabilities: torch.Tensor, heads: int) -> None:
        if self.told is not None:
            self.told.attended(probabilities, heads)


class _Recorder:
    """diffusers' processor that computes probabilities, which it tells."""

    def __init__(self, told: Callable[[torch.Tensor, int], None]) -> None:
        plain: Any = AttnProcessor
        self._plain, self._told = plain(), told

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        watched = _Watched(attn, self._told)
        attended: torch.Tensor = self._plain(watched, hidden_states, encoder_hidden_states, attention_mask, temb)
        return attended


class _Watched:
    """A layer as its processor sees it, which tells the probabilities that it computes."""

    def __init__(self, attn: Any, told: Callable[[torch.Tensor, int], None]) -> None:
        self._attn, self._told = attn, told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._attn, name)

    def get_attention_scores(
        self, query: torch.Tensor, key: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        probabilities: torch.Tensor = self._attn.get_attention_scores(query, key, attention_mask)
        self._told(probabilities, self._attn.heads)
        return probabilities
