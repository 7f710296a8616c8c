"""Latent consistency models in the published layout, with tiny random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_models
from diffusers import LCMScheduler


def lcm(folder: Path, width: int | None = 32) -> Path:
    """Write a latent consistency model: Stable Diffusion 1.x with a UNet that is told the guidance scale."""
    with pytest.MonkeyPatch.context() as patch:
        whole = tiny_models._unet
        patch.setattr(tiny_models, "_unet", lambda **config: whole(**config, time_cond_proj_dim=width))
        tiny_models.sd1(folder)
    LCMScheduler(**tiny_models._BETAS).save_pretrained(folder / "scheduler")
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"_class_name": "LatentConsistencyModelPipeline", "scheduler": ["diffusers", "LCMScheduler"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
