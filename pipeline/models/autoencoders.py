"""What the configuration of an autoencoder says of the latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pixels_a_cell(vae: Mapping[str, Any]) -> int:
    """Pixels on a side that a cell of the latents of an AutoencoderKL stands for: it halves pictures between its levels."""
    return 1 << (len(vae["block_out_channels"]) - 1)
