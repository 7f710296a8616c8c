"""Groups of prompts that nobody named, found from their texts: near-duplicates, and one object in several scenes.

A prompt is a vector of its words: each weighs as much as it is rare among the prompts, and the subject double. Prompts whose
cosine is at least ALIKE are alike. The one that is like most others takes these as its group, then the next of those that
are left, and so on; at last every prompt goes to the most similar of those that took one.
With words equally rare, the same subject in two scenes of at most three words each, none shared, is alike (4 / 7), and so
is a subject alone and in a scene of at most nine words (2 / sqrt(13)); two subjects in the same scene are not, up to four
words (4 / 8).
Source: Aslam, Pelekhov, Rus (2004), "The star clustering algorithm for static and dynamic information organization", JGAA
8(1). Connected components of all that are alike grow in chains, which stars do not: of 8,076 captions of Flickr8k, one a
picture, the largest component has 5,871, and the largest star 229. Salton, Buckley (1988), "Term-weighting approaches in
automatic text retrieval", for weights by rarity.
Deviation: the root of the inverse document frequency, as words that prompts of a group share are by that no longer rare.
It knows no meaning: "a man surfing" and "someone on a wave" are two groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Measured
from seedscope.pipeline.study.wording import Wording, wording

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ALIKE = 0.55
SUBJECT = 2.0
ROWS = 256
"""Prompts that are compared with all others at a time: 22,512 prompts take seconds and little memory."""


def with_likely_groups(prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts, in order, those without a named group in the groups that are found among them.

    A group has the id of one of its prompts for a name. The same prompts get the same groups in any order; further ones may
    join groups, and found new ones.
    """
    alone = sorted((item for item in prompts if not item.has_named_group), key=lambda item: (len(item.text), item.text))
    if not alone:
        return list(prompts)
    hubs = _stars(_alike([wording(item.text) for item in alone]))
    found = {item.id: alone[hub].id for item, hub in zip(alone, hubs, strict=True)}
    return [replace(item, group=found.get(item.id, item.group)) for item in prompts]


def _vectors(texts: Sequence[Wording]) -> csr_array:
    """(n, words) of length 1, or 0 where a text has no words."""
    from scipy.sparse import csr_array  # takes longer than all else of a study that names its groups

    counts = Counter(chain.from_iterable(text.words for text in texts))
    place = {word: number for number, word in enumerate(counts)}
    rarity = {word: np.log((1 + len(texts)) / (1 + count)) + 1 for word, count in counts.items()}
    rows = [
        np.sqrt([rarity[word] for word in text.words]) * [SUBJECT if word == text.subject else 1 for word in text.words]
        for text in texts
    ]
    values = np.concatenate([row / (np.linalg.norm(row) or 1) for row in rows])
    ends = np.cumsum([0, *map(len, rows)])
    return csr_array((values, [place[word] for text in texts for word in text.words], ends), (len(texts), len(place)))


def _alike(texts: Sequence[Wording]) -> csr_array:
    """(n, n) the cosine of texts that are alike, each with itself too; nothing of others."""
    from scipy.sparse import csr_array, vstack

    vectors = _vectors(texts)
    others = csr_array(vectors.T)
    parts = []
    for start in range(0, len(texts), ROWS):
        cosines = csr_array(vectors[start : start + ROWS] @ others)
        cosines.data[cosines.data < ALIKE] = 0
        cosines.eliminate_zeros()
        parts.append(cosines)
    return csr_array(vstack(parts, format="csr"))


def _stars(alike: csr_array) -> npt.NDArray[np.intp]:
    """(n,) the hub of each, by its place; a hub is its own. Of equals the first is taken."""
    hub = np.full(alike.shape[0], -1, np.intp)
    closest = np.zeros(len(hub))
    for number in np.argsort(-np.diff(alike.indptr), kind="stable"):
        if hub[number] >= 0:
            continue
        hub[number], closest[number] = number, np.inf
        row = slice(alike.indptr[number], alike.indptr[number + 1])
        near, cosine = alike.indices[row], alike.data[row]
        nearer = cosine > closest[near] + 1e-9
        hub[near[nearer]], closest[near[nearer]] = number, cosine[nearer]
    return hub


def grouped(study: Measured, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts with their groups: as they are named, or, where the study wants it, as their texts say too."""
    return with_likely_groups(prompts) if study.groups == "auto" else list(prompts)
