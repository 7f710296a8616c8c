"""Judge sprout-clip: does the right object score above the others, and the better picture above the worse one?

The first on pictures that sprout drew; the second on held-out pairs, whose kinds and strengths are those of `clip_pairs`
with seeds that nothing was trained on, held-out combinations of object and attribute among them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.clip_claims import caption_of
from seedscope.jobs.sprout.clip_pairs import KINDS, SEEDS_A_PAIR, Pair, make_pair

# transformers is typed only in part: its classes are taken as untyped here.
CLIPModel: Any = transformers.CLIPModel
CLIPProcessor: Any = transformers.CLIPProcessor

FIRST_HELD_OUT = world.REFERENCE_SEEDS + (3 << 20)
PAIRS_A_KIND = 300
BATCH = 64

Scores = npt.NDArray[np.float32]


class Scorer:
    """How well captions fit pictures, by stock classes alone."""

    def __init__(self, folder: Path) -> None:
        self.model = CLIPModel.from_pretrained(folder).eval()
        self.processor = CLIPProcessor.from_pretrained(folder)

    def table(self, pictures: Sequence[world.Pixels], captions: Sequence[str]) -> Scores:
        """float32 [pictures, captions] of uint8 [64, 64, 3] pictures; the larger, the better the fit."""
        starts = range(0, len(pictures), BATCH)
        return np.concatenate([self._scores(pictures[i : i + BATCH], captions) for i in starts])

    def each(self, pictures: Sequence[world.Pixels], captions: Sequence[str]) -> Scores:
        """float32 [n]: every picture with its own caption."""
        starts = range(0, len(pictures), BATCH)
        return np.concatenate(
            [np.diagonal(self._scores(pictures[i : i + BATCH], captions[i : i + BATCH])) for i in starts]
        )

    @torch.inference_mode()
    def _scores(self, pictures: Sequence[world.Pixels], captions: Sequence[str]) -> Scores:
        inputs = self.processor(text=list(captions), images=list(pictures), padding=True, return_tensors="pt")
        scores: Scores = self.model(**inputs).logits_per_image.numpy()
        return scores


def figures(folder: Path, pictures: Sequence[world.Pixels], objects: Sequence[str]) -> dict[str, float]:
    """Shares in 0..1; `objects` names what each of the generated `pictures` was asked to show."""
    scorer = Scorer(folder)
    right, wrong = object_scores(scorer, pictures, objects)
    shares = pair_shares(scorer)
    return {
        "right over wrong object, AUC": area_under_curve(right, wrong.ravel()),
        "right over every wrong object": float((right > wrong.max(axis=1)).mean()),
        "better of a pair": float(np.mean(list(shares.values()))),
        **{f"better of a pair, {kind}": share for kind, share in shares.items()},
    }


def object_scores(
    scorer: Scorer, pictures: Sequence[world.Pixels], objects: Sequence[str]
) -> tuple[Scores, npt.NDArray[np.float32]]:
    """Scores of pictures with bare captions: [n] of the object asked for, [n, 39] of the others."""
    names = tuple(world.OBJECTS)
    scores = scorer.table(pictures, [caption_of({"object": name}) for name in names])
    asked = np.array(objects)[:, None] == np.array(names)
    return scores[asked], scores[~asked].reshape(len(scores), -1)


def area_under_curve(higher: Scores, lower: Scores) -> float:
    """Share of all pairs of one of `higher` and one of `lower` in which the former is larger; ties count half."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left")
    not_above = np.searchsorted(ordered, higher, side="right")
    return float((below + not_above).mean() / (2 * len(lower)))


def pair_shares(scorer: Scorer) -> dict[str, float]:
    """By kind, the share of held-out pairs in which the better one scores higher."""
    shares = {}
    for index, kind in enumerate(KINDS):
        first = FIRST_HELD_OUT + index * PAIRS_A_KIND * SEEDS_A_PAIR
        pairs = [make_pair(kind, first + i * SEEDS_A_PAIR, training=False) for i in range(PAIRS_A_KIND)]
        shares[kind] = _share_right(scorer, pairs)
    return shares


def _share_right(scorer: Scorer, pairs: Sequence[Pair]) -> float:
    better = scorer.each([_as_pixels(p.better) for p in pairs], [p.caption for p in pairs])
    worse = scorer.each([_as_pixels(p.worse) for p in pairs], [p.worse_caption for p in pairs])
    return float((better > worse).mean())


def _as_pixels(picture: world.Plane) -> world.Pixels:
    return picture.round().clip(0, 255).astype(np.uint8)
