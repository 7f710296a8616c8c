"""What noise is told apart by: a digest of all values, and a few of them."""

from __future__ import annotations

import hashlib

import torch

SOME = 8


def digest(latent: torch.Tensor) -> str:
    """Hash a latent: the sha256, in hex, of its values as contiguous little-endian float32 (shape not included).

    Raises:
        ValueError: the latent is not float32; a cast has lost the digits that the hash tells apart.
    """
    if latent.dtype != torch.float32:
        raise ValueError(f"A latent is hashed in torch.float32, not {latent.dtype}: hash it before it is cast.")
    values = latent.detach().cpu().contiguous().numpy()
    return hashlib.sha256(values.astype("<f4", copy=False).tobytes()).hexdigest()


def some(values: torch.Tensor, most: int = SOME) -> torch.Tensor:
    """Take at most so many evenly spaced values, starting with the first."""
    flat = values.flatten()
    return flat[:: max(1, len(flat) // most)][:most]


def first(values: torch.Tensor) -> str:
    """The first three values, for a sentence."""
    return ", ".join(f"{value:.4f}" for value in values[:3].tolist())
