"""LoRAs for tiny models, written as trainers write them: by peft, and by diffusers' `save_lora_weights`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer

NETWORK = ("to_q", "to_v")
TEXT = ("q_proj", "v_proj")


def lora(folder: Path, file: Path, *, parts: Sequence[str] = ("unet",), seed: int = 0, rank: int = 2) -> Path:
    """A LoRA of random weights for some parts of a model; its alpha is twice its rank, which its metadata says."""
    pipe: Any = DiffusionPipeline.from_pretrained(folder)
    layers: dict[str, Any] = {}
    for part in parts:
        targets = TEXT if part.startswith("text_encoder") else NETWORK
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(targets))
        network = getattr(pipe, part)
        network.add_adapter(config)
        _fill(network, seed)
        layers[f"{part}_lora_layers"] = get_peft_model_state_dict(network)
        layers[f"{part}_lora_adapter_metadata"] = config.to_dict()
    pipe.save_lora_weights(file.parent, weight_name=file.name, **layers)
    return file


def _fill(network: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, LoraLayer):
                for side in (module.lora_A, module.lora_B):
                    for layer in side.values():
                        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * 0.3)
