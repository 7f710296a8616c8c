"""Muon: momentum whose matrices are made orthogonal before they are applied.

Where steps are dear it learns markedly more from each than Adam does. Source: Jordan et al. 2024 (Newton-Schulz
coefficients), https://kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv 2502.16982, section 2.2 (update scale).
Deviation: the kernels of convolutions count as matrices [out, in * height * width]; orthogonalisation is shared by the
workers, which then exchange what they made.
"""

import torch
from torch import Tensor, distributed

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95


@torch.no_grad()
def orthogonalised(matrices: list[Tensor]) -> list[Tensor]:
    """Float [m, n] matrices -> bfloat16 ones of the same shapes with singular values near 1; those of a shape together."""
    result = [torch.empty(0)] * len(matrices)
    shapes = [tuple(sorted(matrix.shape)) for matrix in matrices]
    for shape in sorted(set(shapes)):
        chosen = [i for i, other in enumerate(shapes) if other == shape]
        lying = torch.stack([matrices[i] if matrices[i].shape == shape else matrices[i].T for i in chosen]).bfloat16()
        lying /= lying.norm(dim=(1, 2), keepdim=True) + 1e-7
        a, b, c = COEFFICIENTS
        for _ in range(ITERATIONS):
            square = lying @ lying.mT
            lying = a * lying + (b * square + c * square @ square) @ lying
        for i, made in zip(chosen, lying, strict=True):
            result[i] = made if matrices[i].shape == shape else made.T
    return result


class Muon:
    """The optimiser of a list of weights with two or more dimensions; every worker holds the whole of its state."""

    def __init__(self, weights: list[Tensor], weight_decay: float) -> None:
        self.weights, self.weight_decay = weights, weight_decay
        self.momentum = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self, gradients: list[Tensor], rate: float) -> None:
        """Move the weights; `rate` is comparable to Adam's. Gradients must be the same in every worker."""
        rank, workers = distributed.get_rank(), distributed.get_world_size()
        torch._foreach_lerp_(self.momentum, gradients, 1 - MOMENTUM)
        wanted = torch._foreach_lerp(gradients, self.momentum, MOMENTUM)
        mine = range(rank, len(wanted), workers)
        made = orthogonalised([wanted[i].flatten(1) for i in mine])
        parts = [torch.zeros(weight.numel(), dtype=torch.bfloat16) for weight in self.weights]
        for i, update in zip(mine, made, strict=True):
            parts[i] = update.flatten()
        flat = torch.cat(parts)
        distributed.all_reduce(flat)  # everyone else's part is zero: an exchange, exact in any precision
        updates = torch.split(flat, [weight.numel() for weight in self.weights])
        for weight, update in zip(self.weights, updates, strict=True):
            longest = max(len(weight), weight[0].numel())
            weight.mul_(1 - rate * self.weight_decay)
            weight.add_(update.view_as(weight), alpha=-rate * 0.2 * longest**0.5)
