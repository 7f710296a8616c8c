"""Where a classifier looks to tell a seed: class activation maps of its last layer.

HiResCAM (Draelos and Carin 2020, arXiv 2011.08891): the sum over channels of gradient x activation. The last layer here is
linear in the maps, so that the cells of a map, whole, add up to the seed's logit less its bias: it is what each place says
for the seed. Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391) takes the gradient's mean over places, and what is positive.

Deviation: no map is scaled by its own largest value, which would show a strong one and a weak one alike.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from seedscope.analysis.experiments.identify.network import SeedClassifier

Method = Literal["hirescam", "gradcam"]


def attention_maps(network: SeedClassifier, pictures: Tensor, seeds: Tensor, method: Method = "hirescam") -> Tensor:
    """(N, h, w) float32, in logits: what each place says for a seed.

    Args:
        pictures: (N, 3, H, W) uint8, on the network's device.
        seeds: N, places of the seeds, int64.
    """
    with torch.no_grad():
        maps = network.maps(pictures)
    with torch.enable_grad():
        maps = maps.detach().requires_grad_(True)
        logits = network.read(maps).gather(1, seeds[:, None]).sum()
        (gradient,) = torch.autograd.grad(logits, maps)
    if method == "hirescam":
        found: Tensor = (gradient * maps).sum(dim=1)
    else:
        found = (gradient.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1).clamp(min=0)
    return found.detach().float()
