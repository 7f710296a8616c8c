"""Gram matrices of feature maps, and a fixed random sketch that keeps the distances between them in a few numbers.

A sketch needs no fit: it is the same on every worker and in every run, and does not know which pictures there are. What is
fitted, such as a PCA for a map of seeds, is fitted on sketches later.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

SKETCH = 256
"""Numbers a layer. Distances between sketches are off by sqrt(1 / (2 * 256)) = 4.4 % (one standard deviation) or less."""
_SEED = 2016


def gram(maps: torch.Tensor) -> torch.Tensor:
    """Gram matrices (N, C, C) of feature maps (N, C, H, W): mean over all places of the products of two channels.

    Source: Gatys et al. (2016), CVPR, eq. 3. Deviation: divided by H W, their M_l, as their eq. 4 does later.
    """
    flat = maps.flatten(2)
    products: torch.Tensor = flat @ flat.mT
    return products / flat.shape[2]


def triangle(grams: torch.Tensor) -> torch.Tensor:
    """(N, C (C + 1) / 2): half of each symmetric matrix (N, C, C) as a vector with the same distances.

    Entries off the diagonal are multiplied by the root of two, since each stands for two. All is divided by 2 C, so that
    the squared distance of two vectors is the style loss of a layer, E_l.

    Source: Gatys et al. (2016), CVPR, eq. 4.
    """
    import torch

    channels = grams.shape[-1]
    rows, columns = torch.triu_indices(channels, channels, device=grams.device)
    weights = torch.where(rows == columns, 1.0, math.sqrt(2)) / (2 * channels)
    return grams[:, rows, columns] * weights


def projection(length: int, layer: int) -> torch.Tensor:
    """(length, SKETCH) float32: what a layer's triangles are multiplied by; entries are +-1 / sqrt(SKETCH) by fair coins.

    Squared distances keep their mean, with a variance of at most 2 / SKETCH of their square. The coins are the raw bits of
    PCG64, which NumPy promises not to change: sketches made years apart compare.

    Source: Achlioptas (2003), Journal of Computer and System Sciences 66(4), theorem 1.1 with its first distribution.
    """
    import torch

    words = np.random.PCG64([_SEED, layer]).random_raw(-(-length * SKETCH // 64))
    coins = np.unpackbits(words.astype("<u8").view(np.uint8), count=length * SKETCH).reshape(length, SKETCH)
    signs: torch.Tensor = (torch.from_numpy(coins).float() * 2 - 1) / math.sqrt(SKETCH)
    return signs
